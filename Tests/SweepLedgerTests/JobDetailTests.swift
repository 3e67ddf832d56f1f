import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("What the ledger tells of one job")
struct JobDetailTests {
    @Test("names the base and how images are drawn, and neither for a job without them")
    func base() async throws {
        let bench = try LedgerBench()
        var drawn = try LedgerBench.job("drawn")
        drawn.base = ResolvedInput(path: "/models/a", digest: .of("a"))
        drawn.evaluation = EvaluationSpec(images: 2, sampler: "euler", steps: 9, guidance: 3)
        _ = try await bench.ledger.writer.perform(
            LaunchSweep(
                key: "k", digest: "d", name: try #require(SweepName("bench")), fileDigest: "f", bundle: "{}",
                priority: 0, configurations: 1,
                checkpoints: 1,
                jobs: [try LaunchJob(drawn), try LaunchJob(LedgerBench.job("plain"))], now: bench.now))
        let detail = try await bench.ledger.job(drawn.id.text).detail
        #expect(detail.base == .init(path: "/models/a", digest: ContentDigest.of("a").text))
        #expect(detail.sampling == .init(sampler: "euler", steps: 9, guidance: 3))
        let plain = try await bench.ledger.job(JobID(.of("plain")).text).detail
        #expect(plain.base == nil && plain.sampling == nil)
    }
}
