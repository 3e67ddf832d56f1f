import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("What could not be taken")
struct NoticeTests {
    @Test("notices are counted of the whole attempt, a repeat changes nothing, and queries and details show them")
    func store() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        func tell(_ kind: String, _ count: Int, _ detail: String = "first") async throws {
            let notice = AttemptNotice(kind: kind, count: count, detail: detail)
            let piece = LogReport(offset: 0, text: "", notices: [notice])
            #expect(try await bench.report("one", token, .log(piece)) == .accepted)
        }
        try await tell("metric-step", 3)
        try await tell("metric-step", 5, "second")
        try await tell("metric-step", 3)
        try await tell("not a kind", 1)
        for number in 0..<100 { try await tell("kind-\(number)", 1, String(repeating: "x", count: 5000)) }
        #expect(
            try bench.query("SELECT attempt, count, detail FROM notices WHERE kind = 'metric-step'") == [
                [.integer(1), .integer(5), .text("first")]
            ])
        #expect(
            try bench.query("SELECT count(*), max(length(detail)) FROM attempt_notice") == [
                [.integer(Int64(AttemptNotice.kinds)), .integer(Int64(AttemptNotice.detailBytes))]
            ])
        let detail = try await bench.ledger.job(token.job.text).detail
        #expect(detail.notices?.first { $0.kind == "metric-step" }?.count == 5)
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("dropped points count in the stream and are noticed; the rest of their batch is stored")
    func dropped() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        var verb = AppendMetrics(
            token: token, first: 1, series: [.init(key: "loss", steps: [1, 2], values: [1, 2])],
            ledgerID: bench.ledger.id, worker: WorkerID("one"))
        verb.dropped = [AttemptNotice(kind: "metric-name", count: 3, detail: "d")]
        #expect(try await bench.ledger.writer.perform(verb, .bulk, bytes: 1) == .stored(next: 6))
        #expect(try await bench.ledger.writer.perform(verb, .bulk, bytes: 1) == .stored(next: 6))
        #expect(try bench.query("SELECT count(*) FROM metrics") == [[.integer(2)]])
        #expect(try bench.query("SELECT kind, count FROM notices") == [[.text("metric-name"), .integer(3)]])
        #expect(try await bench.report("one", token, .finished(position: 5)) == .accepted)
    }

    @Test("the unfinished line of a log is replaced, and goes when the line ends")
    func line() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        func log(_ offset: UInt64, _ text: String, _ line: String?) async throws -> (text: String, line: String?) {
            let piece = LogReport(offset: offset, text: text, line: line)
            #expect(try await bench.report("one", token, .log(piece)) == .accepted)
            let log = try await bench.ledger.log(job: token.job.text, attempt: nil, offset: 0)
            return (log.text, log.line)
        }
        #expect(try await log(0, "begin\n", " 1%") == ("begin\n", " 1%"))
        #expect(try await log(6, "", "50%") == ("begin\n", "50%"))
        #expect(try await log(6, "", nil) == ("begin\n", "50%"))
        #expect(try await log(6, "100%\n", "") == ("begin\n100%\n", nil))
    }

    @Test("names of files are taken as they are: spaces, brackets, umlauts; ways out of a folder are not")
    func fileNames() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        let digest = try await bench.blob("x")
        func report(_ file: String, _ step: Int) async throws -> ReportOutcome {
            let manifest = CheckpointManifest(
                step: step, epoch: 0, final: false,
                files: [.init(name: file, kind: .adapter, bytes: 1, sha256: digest)])
            return try await bench.report(
                "one", token, .checkpoint(name: "step-\(step)", manifest: manifest, position: 0))
        }
        let names = ["ck 1 [end].bin", "ü/caf\u{E9}", "ü/cafe\u{301}", "caf%E9", ".hidden"]
        for (index, name) in names.enumerated() { #expect(try await report(name, index + 1) == .accepted) }
        let stored = try bench.query("SELECT file FROM checkpoints ORDER BY step").flatMap { $0 }
        for (cell, name) in zip(stored, names) {
            guard case .text(let text) = cell else {
                Issue.record("\(cell)")
                continue
            }
            #expect(Array(text.utf8) == Array(name.utf8))
        }
        for name in ["../x", "a/../../x", "%2E%2E/x", "/x", "a%2Fb", "a\nb", ""] {
            guard case .refused = try await report(name, 9) else {
                Issue.record("'\(name)' was taken")
                continue
            }
        }
    }
}
