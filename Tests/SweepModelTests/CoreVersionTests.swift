import Ports
import RunSpec
import SweepModel
import Testing

@Suite("Core version")
struct CoreVersionTests {
    private let command = TrainerSpec.command(CommandTrainer(command: ["train"]))

    private func version(
        _ trainer: TrainerSpec = .core, guidance: Double? = 3, reading: Int? = nil, evaluating: Int? = nil
    ) -> String? {
        var evaluation = EvaluationSpec()
        if let guidance { evaluation.guidance = guidance }
        return JobIdentity.coreVersion(
            trainer: trainer, evaluation: guidance == nil ? nil : evaluation,
            inputs: InputGenerations(reading: reading, evaluating: evaluating))
    }

    @Test("a job whose numerics did not change keeps the first version")
    func first() {
        #expect(version() == "1.1" && version(guidance: nil) == "1.1" && version(command) == "1.1")
        #expect(version(reading: 1, evaluating: 1) == "1.1")
    }

    @Test("data read otherwise, a scheduler read otherwise and guidance of at most 1 have the second")
    func second() {
        #expect(version(reading: 2) == "2.1" && version(guidance: nil, reading: 2) == "2.1")
        #expect(version(evaluating: 2) == "2.1" && version(guidance: 1) == "2.1" && version(guidance: 0.5) == "2.1")
        #expect(version(command, reading: 2) == "2.1")
    }

    @Test("pictures that are not square have the second version where they are evaluated")
    func oblong() {
        func version(_ resolution: ParameterValue, evaluated: Bool = true) -> String? {
            JobIdentity.coreVersion(
                trainer: .core, evaluation: evaluated ? EvaluationSpec() : nil, inputs: nil, resolution: resolution)
        }
        #expect(version([64, 96]) == "2.1" && version([64, 64]) == "1.1" && version(64) == "1.1")
        #expect(version([64, 96], evaluated: false) == "1.1")
    }

    @Test("without evaluation the scheduler decides nothing, and a command owes nothing to the core")
    func indifferent() {
        #expect(version(guidance: nil, evaluating: 2) == "1.1")
        #expect(version(command, guidance: nil, reading: 2, evaluating: 2) == nil)
    }

    @Test("what holds pictures out has the third: earlier programs would train on them")
    func third() {
        func version(_ trainer: TrainerSpec, _ guidance: Double = 3) -> String? {
            let evaluation = EvaluationSpec(guidance: guidance, holdout: 0.2)
            return JobIdentity.coreVersion(trainer: trainer, evaluation: evaluation, inputs: nil)
        }
        #expect(version(.core) == "3.1" && version(.core, 1) == "3.1" && version(command) == "3.1")
    }

    @Test("what evaluates, or goes on from another job's state, has the fourth: earlier programs do neither")
    func fourth() {
        func version(_ trainer: TrainerSpec) -> String? {
            JobIdentity.coreVersion(trainer: trainer, evaluation: nil, inputs: nil, goesOn: true)
        }
        #expect(version(.core) == "4.1" && version(command) == nil)
        #expect(JobIdentity.coreVersion(kind: .evaluate, trainer: .core, evaluation: nil, inputs: nil) == "4.1")
    }

    @Test("what edits pictures has the sixth: earlier programs do not know how")
    func sixth() {
        #expect(JobIdentity.coreVersion(kind: .edit, trainer: .core, evaluation: nil, inputs: nil) == "6.1")
    }

    @Test("this program computes all versions")
    func known() { #expect(JobIdentity.coreVersions == ["1.1", "2.1", "3.1", "4.1", "5.1", "6.1"]) }

    @Test("a worker must know what a command asks of it; no id says so")
    func workers() throws {
        func needs(_ trainer: CommandTrainer, kind: JobKind = .train) throws -> String? {
            let job = ResolvedJob(
                id: JobID(.of("a")), kind: kind, configuration: ConfigurationID(.of("c")),
                sweep: try #require(SweepName("s")), group: "g", trainer: .command(trainer), given: [:],
                parameters: [:],
                seed: 1)
            #expect(job.coreVersion == nil)
            return job.needs.coreVersion
        }
        let lines = CommandTrainer.MetricSource(kind: .jsonl, path: "{out}/m")
        #expect(try needs(CommandTrainer(command: ["t"], metrics: [lines])) == nil)
        for kind in CommandTrainer.MetricSource.Kind.allCases where kind != .jsonl {
            let source = CommandTrainer.MetricSource(kind: kind, path: "{out}/m")
            #expect(try needs(CommandTrainer(command: ["t"], metrics: [lines, source])) == "4.1")
        }
        let rule = CommandTrainer.PrepareRule(command: ["cache"])
        #expect(try needs(CommandTrainer(command: ["t"], prepare: [rule])) == "5.1")
        #expect(try needs(CommandTrainer(command: ["cache"]), kind: .prepare) == "5.1")
        #expect(try needs(CommandTrainer(command: [CommandArgument("--no", condition: "!fast")])) == "5.1")
    }
}
