import Foundation
import RunSpec
import SweepAnalysis
import SweepModel
import Testing

/// The sweep of the LyCORIS paper from the magnitudes that its repository ships (Fixtures/make_paper.py).
enum PaperSweep {
    private struct Job: Decodable {
        let id: String
        let group: String
        let configuration: String
        let seed: Int
        let parameters: [String: ParameterValue]
    }

    private struct File: Decodable {
        let jobs: [Job]
        let results: [[Cell]]
    }

    private enum Cell: Decodable {
        case text(String)
        case number(Double)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                self = .number(try container.decode(Double.self))
            }
        }

        var text: String { if case .text(let text) = self { text } else { "" } }
        var number: Double { if case .number(let number) = self { number } else { .nan } }
    }

    static func load() throws -> SweepResultSet {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let file = try JSONDecoder().decode(
            File.self, from: Data(contentsOf: folder.appending(path: "Fixtures/paper.json")))
        let jobs = file.jobs.map { job in
            JobSummary(
                id: job.id, sweep: "paper", group: job.group, configuration: job.configuration, state: "done",
                seed: job.seed, attempts: 1, worker: nil, failure: nil, message: nil, parameters: job.parameters,
                created: 0,
                updated: 0)
        }
        let results = file.results.map { row in
            let epoch = Int(row[1].number)
            return SweepResult(
                job: row[0].text, checkpoint: "epoch-\(epoch)", epoch: epoch, step: 695 * epoch, class: row[2].text,
                prompts: row[3].text, metric: row[4].text, value: row[5].number, n: 100)
        }
        return SweepResultSet(sweep: "paper", jobs: jobs, results: results)
    }
}

@Suite("The paper's statements")
struct PaperStatementTests {
    private static func statements(_ set: SweepResultSet) -> [Int: PaperStatement] {
        Dictionary(uniqueKeysWithValues: set.paperStatements().map { ($0.number, $0) })
    }

    private static func verdicts(_ statement: PaperStatement, _ metric: String, _ prompts: String) -> [PaperStatement
        .Verdict]
    {
        statement.parts.filter { $0.measure?.metric == metric && $0.measure?.prompts == prompts }.map(\.verdict)
    }

    /// The expectations are read off the magnitudes by eye, not by the code.
    @Test("on the paper's magnitudes each statement says what these magnitudes say")
    func onThePaper() throws {
        let found = Self.statements(try PaperSweep.load())
        #expect(found.keys.sorted() == [1, 2, 4, 5, 10])
        let epochs = try #require(found[1])
        // Over all categories the defaults' similarity falls from epoch 10 to 50, and text with it; people go
        // the other way.
        #expect(Self.verdicts(epochs, "image_similarity", "trigger") == [.fails])
        #expect(Self.verdicts(epochs, "text_similarity", "alter") == [.holds])
        #expect(Self.verdicts(epochs, "vendi", "train") == [.fails])
        let classes = try #require(epochs.notes.first { $0.hasPrefix("By class, image similarity (trigger)") })
        #expect(classes.contains("rises for people"))
        let falls = try #require(classes.components(separatedBy: "falls for ").last)
        for name in ["scene", "toys", "style"] { #expect(falls.contains(name), "\(classes)") }
        #expect(epochs.notes.contains { $0.contains("dim 16 · alpha 8") && $0.contains("goes the other way") })
        #expect(epochs.notes.contains { $0.contains("is highest at epoch 10") })

        let rates = try #require(found[2])
        #expect(Self.verdicts(rates, "image_similarity", "trigger") == [.holds])
        #expect(Self.verdicts(rates, "text_similarity", "alter") == [.holds])
        #expect(Self.verdicts(rates, "vendi", "train") == [.holds])

        let layers = try #require(found[4])
        #expect(Self.verdicts(layers, "image_similarity", "trigger").first == .holds)
        #expect(Self.verdicts(layers, "text_similarity", "alter").first == .holds)

        let capacity = try #require(found[5])
        let text = Self.verdicts(capacity, "text_similarity", "alter")
        #expect(text == [.holds, .holds])
        // At epoch 10 more capacity is nearer to the concept, at epoch 50 it is over-trained.
        let turn = try #require(capacity.notes.first { $0.contains("image similarity (trigger)") })
        #expect(turn.contains("by +") && turn.contains("at epoch 10") && turn.contains("by −"))
        #expect(
            capacity.parts.contains { $0.measure == nil && $0.verdict == .holds && $0.text.contains("more epochs") })

        let advice = try #require(found[10])
        #expect(advice.verdict == .holds)
        #expect(advice.parts.count == 3)
    }

    @Test("effects are the differences of means, with the pooled spread of all configurations")
    func effects() throws {
        let set = try PaperSweep.load()
        let layers = try #require(Self.statements(set)[4])
        let part = try #require(
            layers.parts.first { $0.measure?.metric == "image_similarity" && $0.measure?.prompts == "trigger" })
        func mean(_ configuration: String, _ epochs: [Int]) -> Double {
            let jobs = set.jobs.filter { $0.configuration == configuration }.map(\.id)
            let values = set.results.filter {
                jobs.contains($0.job) && $0.class.isEmpty && $0.metric == "image_similarity" && $0.prompts == "trigger"
                    && epochs.contains($0.epoch)
            }.map(\.value)
            return values.reduce(0, +) / Double(values.count)
        }
        // LoRA was measured at 10 and 50 with attention only, LoKr at 10.
        let lora = mean("lora-layersattn-only", [10, 50]) - mean("lora", [10, 50])
        let lokr = mean("lokr-layersattn-only", [10]) - mean("lokr", [10])
        #expect(abs((part.effect?.value ?? 0) - (lora + lokr) / 2) < 1e-9)
        let half = try #require(part.effect?.halfWidth)
        // Four means of three seeds: 0.004 · √(4 / 3) / 2, less where two checkpoints are averaged.
        #expect(half > 0.002 && half < 0.006)
    }

    @Test("with one seed nothing can be told, and a sweep without such axes has no statements")
    func silent() throws {
        var set = try PaperSweep.load()
        set.jobs.removeAll { $0.seed != 23 }
        let known = Set(set.jobs.map(\.id))
        set.results.removeAll { !known.contains($0.job) }
        let found = set.paperStatements()
        #expect(found.count == 5 && found.allSatisfy { $0.verdict == .open })
        var sample = ReportSample()
        #expect(sample.external().paperStatements().isEmpty)
        set.results.removeAll { !["squared_centroid_distance"].contains($0.metric) }
        #expect(set.paperStatements().isEmpty)
    }

    @Test("a sweep that goes the other way is told so")
    func reversed() throws {
        var set = try PaperSweep.load()
        for place in set.results.indices { set.results[place].value *= -1 }
        let found = Self.statements(set)
        #expect(Self.verdicts(try #require(found[4]), "image_similarity", "trigger").first == .fails)
        #expect(found[10]?.verdict != .holds)
        #expect(Self.verdicts(try #require(found[2]), "text_similarity", "alter") == [.fails])
    }

    @Test("verdicts of several parts")
    func verdicts() throws {
        let summary = try PaperSweep.load().paperStatements().summary
        #expect(summary.hasPrefix("Of the LyCORIS paper's statements "))
        #expect(summary.contains("10 hold"))
    }
}
