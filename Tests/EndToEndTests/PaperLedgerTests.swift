import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import TestSupport
import Testing

/// The LyCORIS paper's sweep as a ledger: filled from the magnitudes that its repository ships
/// (SweepAnalysisTests/Fixtures/make_paper.py), and asked through the program.
@Suite("The paper's statements from a ledger", .serialized)
struct PaperLedgerTests {
    private struct File: Decodable {
        struct Job: Decodable {
            let id: String
            let group: String
            let configuration: String
            let seed: Int
            let parameters: [String: ParameterValue]
        }

        /// Job, epoch, class, prompts, metric, value.
        struct Row: Decodable {
            let job: String
            let row: EvaluationRow

            init(from decoder: any Decoder) throws {
                var cells = try decoder.unkeyedContainer()
                job = try cells.decode(String.self)
                let epoch = try cells.decode(Int.self)
                let name = try cells.decode(String.self)
                let prompts = try cells.decode(String.self)
                let metric = try cells.decode(String.self)
                row = EvaluationRow(
                    checkpoint: "epoch-\(epoch)", epoch: epoch, step: 695 * epoch, class: name, prompts: prompts,
                    metric: metric, value: try cells.decode(Double.self), n: 100)
            }
        }

        let jobs: [Job]
        let results: [Row]
    }

    /// Every job is launched, claimed, reported and done as a worker would, by the ledger's own verbs.
    private func fill(_ folder: String) async throws {
        let fixture = RadiataProgram.root.appending(path: "Tests/SweepAnalysisTests/Fixtures/paper.json")
        let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: fixture))
        let name = try #require(SweepName("paper"))
        let now = WallTime(milliseconds: 1_795_000_000_000)
        let ledger = try Ledger(folder: folder) { Issue.record("the ledger died: \($0)") }
        defer { ledger.close() }
        let launched = try await ledger.writer.perform(
            LaunchSweep(
                key: "paper", digest: "d", name: name, fileDigest: "d", bundle: "{}", priority: 0,
                configurations: Set(file.jobs.map(\.configuration)).count, checkpoints: file.jobs.count * 3,
                jobs: try file.jobs.map { job in
                    try LaunchJob(
                        ResolvedJob(
                            id: JobID(.of(job.id)), configuration: ConfigurationID(.of(job.configuration)), sweep: name,
                            group: job.group, trainer: .core, given: job.parameters, parameters: job.parameters,
                            seed: job.seed))
                }, now: now))
        try #require(launched.added == file.jobs.count)
        let session = SessionID(rawValue: "filler")
        _ = try await ledger.writer.perform(
            RegisterWorker(
                worker: WorkerRecord(
                    worker: WorkerID("filler"), name: "filler", session: session, slots: 1, threads: 1, version: "test"),
                ledgerID: ledger.id, now: now))
        var number: UInt64 = 0
        func exchange(_ reports: [Report], claim: [Int64] = []) async throws -> ExchangeOutcome {
            number += 1
            return try await ledger.writer.perform(
                ExchangeVerb(
                    session: session, worker: WorkerID("filler"), number: number, reports: reports, candidates: claim,
                    ledgerID: ledger.id, epoch: ledger.epoch, now: now))
        }
        let rows = Dictionary(grouping: file.results, by: { JobID(.of($0.job)).text })
        for change in launched.changes {
            let token = try #require(try await exchange([], claim: [change.row]).claims.first).token
            let measured = EvaluationReport(rows: (rows[token.job.text] ?? []).map(\.row), completed: [])
            try #require(!measured.rows.isEmpty)
            let answer = try await exchange([
                Report(token: token, .evaluations(measured)),
                Report(token: token, .finished(FinishReport(streamPosition: 0))),
            ])
            try #require(answer.outcomes == [.accepted, .accepted])
        }
    }

    /// What the magnitudes of the paper's repository say by eye: similarity and text fall from epoch 10 to 50
    /// (1 in part); the lower rate has less similarity, more text and diversity (2); attention alone lowers
    /// similarity and raises text (4); more capacity lowers text (5); LoHa keeps text, LoKr is nearest (10).
    private static let wanted: [Int: [(metric: String, verdict: String)]] = [
        1: [
            ("image_similarity@trigger", "does not hold"), ("text_similarity@alter", "holds"),
            ("vendi@train", "does not hold"),
        ],
        2: [("image_similarity@trigger", "holds"), ("text_similarity@alter", "holds"), ("vendi@train", "holds")],
        4: [("image_similarity@trigger", "holds"), ("text_similarity@alter", "holds")],
        5: [("text_similarity@alter", "holds")],
    ]

    @Test("importance and report print statements 1, 2, 4, 5 and 10", .timeLimit(.minutes(15)))
    func statements() async throws {
        let house = try House()
        try await fill(house.data)
        try house.startCoordinator()
        let asked = try house.radiata(["importance", "paper", "--format", "json"])
        try #require(asked.status == 0, "\(asked)")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(asked.output.utf8)) as? [String: Any])
        let findings = try #require(document["findings"] as? [[String: Any]])
        #expect(findings.compactMap { $0["statement"] as? Int } == [1, 2, 4, 5, 10])
        for finding in findings {
            let number = try #require(finding["statement"] as? Int)
            let parts = try #require(finding["parts"] as? [[String: Any]])
            for (metric, verdict) in Self.wanted[number] ?? [] {
                let found = parts.first { $0["metric"] as? String == metric }
                #expect(found?["verdict"] as? String == verdict, "\(number), \(metric): \(parts)")
            }
            if number == 10 { #expect(finding["verdict"] as? String == "holds") }
        }
        let text = try house.radiata(["importance", "paper"])
        #expect(text.status == 0 && text.output.contains("LyCORIS paper"), "\(text)")
        let page = house.folder.path + "/paper.html"
        let report = try house.radiata(["report", "paper", "-o", page])
        try #require(report.status == 0, "\(report)")
        let html = try String(contentsOfFile: page, encoding: .utf8)
        for number in [1, 2, 4, 5, 10] { #expect(html.contains("<h3>\(number). "), "statement \(number)") }
        let advice = try #require(html.components(separatedBy: "<h3>10. ").last?.components(separatedBy: "</h3>").first)
        #expect(advice.contains(">holds<"), "\(advice)")
    }
}
