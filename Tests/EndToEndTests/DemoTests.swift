import Foundation
import TestSupport
import Testing

/// What `radiata demo` says at its end, on a sweep of its kind that two cores train in half a minute: two
/// rates that learn, close to each other, and one that hardly does. The claims are held against the ledger
/// that it leaves.
@Suite("The demo's answer", .serialized)
struct DemoTests {
    private static func sweep(in folder: TemporaryFolder) throws -> String {
        try folder.write(
            "small.yaml",
            """
            name: small
            base: \(SourceTree.path("sweeps/base/emoji-64"))
            data: \(SourceTree.path("data/quickstart"))
            seeds: [1, 2]
            checkpoints: { epochs: [3, 6] }
            defaults: { algorithm: lora, layers: attn-mlp, dim: 8, alpha: 4, epochs: 6, batch: 8, betas: [0.9, 0.99] }
            evaluate:
              { prompts: [train, trigger, alter, style], images: 2, sampler: ddim, steps: 6, guidance: 3, holdout: 20 % }
            groups: [ { list: [ { lr: 1e-6 }, { lr: 1e-3 }, { lr: 1.2e-3 } ] } ]
            """)
    }

    /// A metric at prompts, and whether more of it is better; a curve has no prompts.
    private struct Measure: Hashable {
        let metric: String
        let prompts: String
        let isGain: Bool
        /// How the answer calls it.
        let title: String
    }

    /// What the table of such a sweep shows.
    private static let measures = [
        Measure(metric: "paired_fidelity", prompts: "holdout", isGain: true, title: "paired fidelity (holdout)"),
        Measure(metric: "validation_loss", prompts: "", isGain: false, title: "validation loss"),
        Measure(metric: "text_similarity", prompts: "alter", isGain: true, title: "text similarity (alter)"),
        Measure(metric: "style_distance", prompts: "style", isGain: false, title: "drift from base (style)"),
        Measure(metric: "copying", prompts: "trigger", isGain: false, title: "copying (trigger)"),
    ]

    /// The mean over seeds of a row's checkpoint, as one that should grow.
    private static func value(_ measure: Measure, of row: Answer.Row, _ house: House) throws -> Double {
        let jobs = row.jobs.map { "'\($0)'" }.joined(separator: ", ")
        let rows = try house.query(
            measure.prompts.isEmpty
                ? """
                SELECT avg(value) AS value FROM metrics
                WHERE key = '\(measure.metric)' AND step = \(row.step) AND job IN (\(jobs))
                """
                : """
                SELECT avg(value) AS value FROM results WHERE metric = '\(measure.metric)' AND class = ''
                AND prompts = '\(measure.prompts)' AND checkpoint = '\(row.checkpoint)' AND job IN (\(jobs))
                """)
        let value = try #require((rows.first?["value"] as? NSNumber)?.doubleValue, "\(measure.metric) \(row): \(rows)")
        return measure.isGain ? value : -value
    }

    @Test(
        "the named best is dominated by none, its ties are named, and nothing makes up for a loss that is far worse",
        .timeLimit(.minutes(15)))
    func answer() throws {
        let folder = try TemporaryFolder()
        let place = folder.path + "/demo"
        let demo = try RadiataProgram.run(["demo", "--sweep", try Self.sweep(in: folder), "--folder", place])
        try #require(demo.status == 0, "\(demo)")
        let house = try House(data: place + "/coordinator")
        try house.startCoordinator()
        let top = try house.radiata(["top", "small", "--format", "json"])
        let answer = try JSONDecoder().decode(Answer.self, from: Data(top.output.utf8))
        try #require(answer.rows.count == 3 && answer.established, "\(top)")
        #expect(answer.rows.map(\.rank) == [1, 2, 3])
        for measure in Self.measures { #expect(demo.output.contains(measure.title), "\(measure.title): \(demo)") }

        let values = try answer.rows.map { row in try Self.measures.map { try Self.value($0, of: row, house) } }
        for (place, other) in values.enumerated().dropFirst() {
            let isNoWorse = zip(other, values[0]).allSatisfy { $0 >= $1 }
            #expect(!isNoWorse || other == values[0], "#\(place + 1) dominates the named best: \(values) \(top)")
        }
        // Far worse: as 0.31 is to 0.12 or half of that; such a pair is there.
        let losses = values.map { -$0[1] }
        try #require((losses.max() ?? 0) > 1.5 * (losses.min() ?? 0), "\(losses)")
        for (place, loss) in losses.enumerated() {
            #expect(losses[(place + 1)...].allSatisfy { loss < 1.5 * $0 }, "losses by rank: \(losses) \(top)")
        }
        try expectTies(answer, demo)
    }

    /// Who is tied is told by the table and by the words; of two that are not, the intervals lie apart.
    private func expectTies(_ answer: Answer, _ demo: RadiataProgram.Ended) throws {
        let best = try #require(answer.rows.first)
        // The words name the other ranks, or all of the next ones.
        let told = try #require(demo.output.split(separator: "\n").first { $0.contains("#1 is best") }, "\(demo)")
        #expect(told.contains(best.tiedWith.isEmpty ? "separate from all others" : "not separable from"), "\(told)")
        for row in answer.rows {
            #expect(!row.tiedWith.contains(row.rank))
            for other in answer.rows where row.tiedWith.contains(other.rank) {
                #expect(other.tiedWith.contains(row.rank), "\(row.rank) and \(other.rank) are tied one way only")
            }
        }
        // Between these two only chance decides, with two seeds and two images each: their intervals overlap.
        let near = answer.rows.filter { $0.parameters.lr > 1e-4 }
        try #require(near.count == 2 && near[0].low <= near[1].high && near[1].low <= near[0].high, "\(near)")
        #expect(near[0].tiedWith.contains(near[1].rank), "\(near)")
        let cells = demo.output.split(separator: "\n").filter { $0.contains("lr 0.001") }
        #expect(
            cells.count >= 2
                && zip(near, [near[1], near[0]]).allSatisfy { row, other in
                    cells.contains { $0.contains("lr \(row.parameters.lr) ") && $0.contains("#\(other.rank)") }
                }, "\(cells)")
    }
}

/// `top --format json`.
private struct Answer: Decodable {
    struct Row: Decodable {
        struct Parameters: Decodable { let lr: Double }

        let rank: Int
        let parameters: Parameters
        let checkpoint: String
        let step: Int
        let jobs: [String]
        let low: Double
        let high: Double
        let tiedWith: [Int]

        enum CodingKeys: String, CodingKey {
            case rank, parameters, checkpoint, step, jobs, low, high
            case tiedWith = "tied_with"
        }
    }

    let established: Bool
    let rows: [Row]
}
