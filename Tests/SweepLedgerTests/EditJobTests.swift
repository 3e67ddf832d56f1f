import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Edits in the ledger")
struct EditJobTests {
    private static func job(_ name: String, _ kind: JobKind) throws -> ResolvedJob {
        let parameters: [String: ParameterValue] = ["algorithm": kind == .edit ? "sdedit" : "lora"]
        return ResolvedJob(
            id: JobID(.of(name)), kind: kind, configuration: ConfigurationID(.of(name)),
            sweep: try #require(SweepName("bench")), group: "g", trainer: .core, given: parameters,
            parameters: parameters, seed: 1)
    }

    @Test("an edit says so in the view and in what clients read, and is compared")
    func kinds() async throws {
        let bench = try LedgerBench()
        try await bench.launch([Self.job("a", .edit), Self.job("b", .train)])
        #expect(try bench.query("SELECT kind FROM jobs ORDER BY kind") == [[.text("edit")], [.text("train")]])
        let edit = try await bench.ledger.job(JobID(.of("a")).text).detail.job
        let training = try await bench.ledger.job(JobID(.of("b")).text).detail.job
        #expect(edit.kind == "edit" && edit.isCompared && training.kind == nil && training.isCompared)
        #expect(try bench.query("SELECT job FROM members").count == 2)
    }
}
