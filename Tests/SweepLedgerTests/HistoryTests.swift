import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("How long earlier runs took")
struct HistoryTests {
    private static func trainer(script: String, base: String, epochs: Int) -> TrainerSpec {
        let content = "pretrained_model_name_or_path = \"\(base)\"\nmax_train_epochs = \(epochs)\n"
        let config = CommandTrainer.ConfigRule(
            sources: [CommandTrainer.ConfigRule.Source(from: "c.toml", content: content)])
        return .command(CommandTrainer(command: ["python", "{script}"], config: config, values: ["script": script]))
    }

    private static func job(_ name: String, _ trainer: TrainerSpec, _ given: [String: ParameterValue] = [:]) throws
        -> ResolvedJob
    {
        ResolvedJob(
            id: JobID(.of(name)), configuration: ConfigurationID(.of("configuration \(name)")),
            sweep: try #require(SweepName("bench")), group: "g", trainer: trainer, given: given, parameters: given,
            seed: 1)
    }

    @Test("runs of another script or base model are none; lengths are those of the file or of the job")
    func comparable() async throws {
        let bench = try LedgerBench()
        _ = try await bench.register("one")
        let small = Self.trainer(script: "/opt/train.py", base: "a/sd15", epochs: 4)
        let jobs = [
            try Self.job("a", small), try Self.job("b", small, ["max_train_epochs": 8]),
            try Self.job("c", Self.trainer(script: "/opt/sdxl_train.py", base: "a/sdxl", epochs: 4)),
            try Self.job("d", Self.trainer(script: "/opt/train.py", base: "a/sd21", epochs: 4)),
        ]
        let outcome = try await bench.launch(jobs)
        for (change, seconds) in zip(outcome.changes, [40, 80, 1000, 500]) {
            let token = try await bench.claim("one", change.row).token
            bench.now = WallTime(milliseconds: bench.now.milliseconds + Int64(seconds) * 1000)
            #expect(try await bench.report("one", token, .finished(position: 0)) == .accepted)
        }
        func runs(_ trainer: TrainerSpec) async throws -> [EarlierRuns.Run] {
            try await bench.ledger.history(sweep: "x", base: "", data: "", trainer: trainer.paceIdentity).runs.sorted {
                $0.seconds < $1.seconds
            }
        }
        // Another length, as a file that was changed has it, is the same pace.
        let found = try await runs(Self.trainer(script: "/opt/train.py", base: "a/sd15", epochs: 12))
        #expect(found.map(\.seconds) == [40, 80])
        #expect(found.map(\.length) == [TrainingLength(4, .epoch), TrainingLength(8, .epoch)])
        #expect(EarlierRuns(found)?.secondsPerEpoch == 10)
        #expect(try await runs(jobs[2].trainer).map(\.seconds) == [1000])
        #expect(try await runs(jobs[3].trainer).map(\.seconds) == [500])
        #expect(try await runs(Self.trainer(script: "/opt/flux.py", base: "a/sd15", epochs: 4)).isEmpty)
    }
}
