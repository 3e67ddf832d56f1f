import Foundation
import Ports
import SweepLedger
import SweepModel
import Testing

@Suite("Tags and notes")
struct AnnotateTests {
    private func annotate(
        _ bench: LedgerBench, _ target: String, add: [String] = [], remove: [String] = [], note: String? = nil
    ) async throws -> Annotations {
        try await bench.ledger.writer.perform(
            Annotate(target: target, add: add, remove: remove, note: note, now: bench.now))
    }

    @Test("are set, listed, found and removed, on sweeps and jobs alike; a repeat changes nothing")
    func life() async throws {
        let bench = try LedgerBench()
        try await bench.launch(["a", "b"])
        let job = JobID(.of("a")).text
        for _ in 0..<2 {
            #expect(try await annotate(bench, "bench", add: ["paper", "2026"]).tags == ["2026", "paper"])
            #expect(try await annotate(bench, job, add: ["keep"], note: "looks\ngood").note == "looks\ngood")
        }
        #expect(
            try bench.query("SELECT sweep, job, tag FROM tags ORDER BY tag") == [
                [.text("bench"), .null, .text("2026")], [.text("bench"), .text(job), .text("keep")],
                [.text("bench"), .null, .text("paper")],
            ])
        #expect(try bench.query("SELECT job, note FROM notes") == [[.text(job), .text("looks\ngood")]])
        let found = try await bench.ledger.jobs(sweep: "bench", state: nil, limit: 10, after: nil, tag: "keep")
        #expect(found.map(\.job.id) == [job] && found.first?.job.tags == ["keep"])
        #expect(found.first?.job.note == "looks\ngood")
        #expect(try await bench.ledger.jobs(sweep: nil, state: nil, limit: 10, after: nil, tag: "paper").isEmpty)
        #expect(try await bench.ledger.sweeps().first?.tags == ["2026", "paper"])
        #expect(try await annotate(bench, "bench", remove: ["2026", "never"], note: "n").tags == ["paper"])
        #expect(try await bench.ledger.sweeps().first?.note == "n")
        #expect(try await annotate(bench, job, note: "").note == nil)
    }

    @Test("a tag is one word, a note is text, a target is there", arguments: ["a b", "", "-x", "a,b", "a\u{7}"])
    func refused(tag: String) async throws {
        let bench = try LedgerBench()
        try await bench.launch(["a"])
        let error = await #expect(throws: LedgerError.self) { try await annotate(bench, "bench", add: [tag]) }
        #expect(error?.code == .invalid)
        await #expect(throws: LedgerError.self) { try await annotate(bench, "bench", note: "a\u{1B}[2J") }
        await #expect(throws: LedgerError.self) { try await annotate(bench, "nothing") }
        let many = await #expect(throws: LedgerError.self) {
            try await annotate(bench, "bench", add: (0..<65).map { "t\($0)" })
        }
        #expect(many?.message.contains("65 tags") == true)
        #expect(try bench.query("SELECT count(*) FROM tags") == [[.integer(0)]])
    }
}
