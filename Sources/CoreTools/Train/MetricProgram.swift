import CoreEvaluation
import Foundation
import RunSpec

/// A program that was to measure images, and why it did not.
package struct ExternalMetricError: Error, CustomStringConvertible {
    package let message: String
    package var description: String { message }
}

/// One image, as a line on a measuring program's standard input.
struct MetricQuestion: Codable, Equatable {
    var id: Int
    var image: String
    var prompt: String
    /// Paths of the concept's pictures that the prompt is about.
    var reference: [String]
    var seed: UInt64
    var checkpoint: String
    /// What the base model draws from the same noise; nil for images that the trainer made.
    var baseImage: String?
    var `class`: String
    var prompts: String

    private enum CodingKeys: String, CodingKey {
        case id, image, prompt, reference, seed, checkpoint
        case baseImage = "base_image"
        case `class`, prompts
    }
}

/// A line of its standard output.
struct MetricAnswer: Codable, Equatable {
    /// The question's; where a program leaves it out, its image names it.
    var id: Int?
    var image: String?
    var metric: String?
    var value: Double?
    var note: String?
}

/// What is heard while a program measures.
struct MetricListener {
    /// Lines of its standard error, and that it was started again.
    var log: (String) -> Void
    var shouldStop: () -> Bool
}

/// A program that measures images, as a process that stays between batches where it can.
///
/// One that stays says so: its first line, before it reads, is `{"ready": true}`, with the metrics that it
/// answers each question with (`"metrics": [...]`) where they are other than its name. Every other program
/// finds the end of its input behind the last question, and is started anew for the next batch.
final class MetricProgram {
    let metric: ExternalMetric
    /// This program, for `{radiata}`.
    private let program: String
    private var process: MetricProcess?
    /// The last line of its standard error.
    private var lastWords: String?
    /// Added to the numbers of questions, so that no number is asked twice of one process: an answer that
    /// comes too late is about no image of the next batch.
    private var offset = 0
    private let clock = SuspendingClock()

    /// So long one that stays may keep silent.
    static let usualPatience = 900.0
    /// Names seconds in its `env`.
    static let patienceName = "RADIATA_METRIC_TIMEOUT"

    init(_ metric: ExternalMetric, program: String) {
        self.metric = metric
        self.program = program
    }

    deinit { process?.end() }

    /// Ends the process, if there is one.
    func end() {
        process?.end()
        process = nil
    }

    /// - Returns: answers by question.
    /// - Throws: ``ExternalMetricError``; `EvaluationError` with `stopped`. The process has ended then.
    func answers(to questions: [MetricQuestion], _ listener: MetricListener) throws -> [Int: [MetricAnswer]] {
        let patience = try patience()
        var batch = MetricBatchState(questions, metric)
        defer { offset += (questions.map(\.id).max() ?? -1) + 1 }
        do {
            while true {
                let before = batch.found.count
                let running = try started(listener)
                batch.offset = offset
                let (end, stays) = try exchange(running, &batch, patience, listener)
                guard let end else { return batch.found }
                // With what it may have left running.
                self.end()
                guard stays else {
                    guard end.isGood else { throw failure(end.text + words) }
                    try batch.finish(failure)
                    return batch.found
                }
                // Nothing more is known of a model that takes its program with it than the image at fault.
                guard batch.found.count > before else {
                    throw failure(
                        "\(end.text) and was to measure \(batch.next?.image ?? ""); \(batch.found.count) of "
                            + "\(questions.count) images were measured" + words)
                }
                listener.log(
                    "\(metric.name): the program \(end.text) after \(batch.found.count) of \(questions.count) images; "
                        + "it is started again")
            }
        } catch {
            self.end()
            throw error
        }
    }

    private var words: String { lastWords.map { " (\($0.prefix(200)))" } ?? "" }

    private func started(_ listener: MetricListener) throws -> MetricProcess {
        if let process {
            guard let end = process.ended else { return process }
            listener.log("\(metric.name): the program \(end.text) since the last images; it is started again")
        }
        lastWords = nil
        offset = 0
        guard let name = metric.command.first else { throw failure("has an empty command") }
        let path = name == "{radiata}" ? program : name
        // `env` looks a bare name up, as a shell does.
        let arguments =
            (path.contains("/") ? [] : [path])
            + metric.command.dropFirst().map { $0.replacing("{radiata}", with: program) }
        do {
            let process = try MetricProcess(
                path: path.contains("/") ? path : "/usr/bin/env", arguments: arguments, environment: metric.env ?? [:])
            self.process = process
            return process
        } catch {
            throw failure("cannot be started (\((error as NSError).localizedDescription))")
        }
    }

    /// Asks what is open, until all is answered or the process has ended.
    ///
    /// - Returns: how it ended, nil if it goes on; whether it had said that it stays.
    private func exchange(
        _ running: MetricProcess, _ batch: inout MetricBatchState, _ patience: Double?, _ listener: MetricListener
    ) throws -> (end: MetricProcess.End?, stays: Bool) {
        var input = try batch.open()
        var heard = clock.now
        while true {
            if listener.shouldStop() {
                throw EvaluationError(code: .stopped, message: "asked to stop while \(metric.name) was measured")
            }
            let before = input.count
            // Looked at before its output is: whoever says that it stays says so before it reads.
            let hasRead = input.isEmpty && running.hasReadAll
            try running.turn(&input)
            if input.count < before { heard = clock.now }
            for line in running.takeErrors() {
                lastWords = line
                listener.log(line)
            }
            for line in running.takeLines() {
                heard = clock.now
                if running.greets(line, name: metric.name) { continue }
                try batch.take(line, failure)
            }
            if running.isRambling {
                throw failure("printed \(MetricProcess.longestLine >> 20) MiB without the end of a line")
            }
            if running.staying != nil || !running.isAsking {
                if let names = running.staying, batch.isComplete(names) { return (nil, true) }
            } else if hasRead {
                running.closeInput()
            }
            if running.isOver, let end = running.ended { return (end, running.staying != nil) }
            let limit = patience ?? (running.staying == nil ? .infinity : Self.usualPatience)
            guard heard.duration(to: clock.now) / Duration.seconds(1) < limit else {
                throw failure(
                    "said nothing for \(Int(limit)) s and was ended; \(batch.found.count) of \(batch.count) images were "
                        + "measured. \(Self.patienceName) in its 'env' gives it another number of seconds")
            }
        }
    }

    /// Seconds that it may keep silent, where its `env` says so.
    private func patience() throws -> Double? {
        guard let text = metric.env?[Self.patienceName] else { return nil }
        guard let seconds = Double(text), seconds > 0, seconds.isFinite else {
            throw failure("has \(Self.patienceName)=\(text.prefix(40)) in its 'env'; wanted seconds above 0")
        }
        return seconds
    }

    private func failure(_ text: String) -> ExternalMetricError {
        ExternalMetricError(message: "metric \(metric.name): \(metric.command.first ?? "the command") \(text)")
    }
}

/// The questions of one checkpoint, and what was answered.
struct MetricBatchState {
    private let questions: [MetricQuestion]
    private let byImage: [String: Int]
    private let ids: Set<Int>
    private let metric: ExternalMetric
    /// Between the numbers of questions here and those that the program is told.
    var offset = 0
    private(set) var found: [Int: [MetricAnswer]] = [:]

    var count: Int { questions.count }

    init(_ questions: [MetricQuestion], _ metric: ExternalMetric) {
        self.questions = questions
        self.metric = metric
        byImage = Dictionary(questions.map { ($0.image, $0.id) }, uniquingKeysWith: { first, _ in first })
        ids = Set(questions.map(\.id))
    }

    /// The first question without an answer.
    var next: MetricQuestion? { questions.first { found[$0.id] == nil } }

    /// What is to be asked, as lines. Who was answered in part is asked again, whole.
    func open() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try questions.filter { found[$0.id] == nil }.flatMap { question in
            var question = question
            question.id += offset
            return try Array(encoder.encode(question)) + [10]
        }
    }

    func isComplete(_ names: Set<String>) -> Bool {
        questions.allSatisfy { question in
            guard let answers = found[question.id] else { return false }
            return names.isSubset(of: answers.map { $0.metric ?? metric.name })
        }
    }

    mutating func take(_ line: String, _ failure: (String) -> ExternalMetricError) throws {
        // Programs print banners.
        guard line.contains("{") else { return }
        let answer: MetricAnswer
        do {
            answer = try JSONDecoder().decode(MetricAnswer.self, from: Data(line.utf8))
        } catch {
            throw failure("answered '\(line.prefix(120))', which is no JSON object with 'id', 'metric' and 'value'")
        }
        guard let id = answer.id.map({ $0 &- offset }) ?? answer.image.flatMap({ byImage[$0] }), ids.contains(id) else {
            throw failure("answered about an image that it was not asked about: '\(line.prefix(120))'")
        }
        let name = answer.metric ?? metric.name
        // Asked once more, it says it once more.
        found[id, default: []].removeAll { ($0.metric ?? metric.name) == name }
        found[id, default: []].append(answer)
    }

    func finish(_ failure: (String) -> ExternalMetricError) throws {
        guard let missing = next else { return }
        throw failure(
            "answered \(found.count) of \(questions.count) questions; nothing about \(missing.image). "
                + "An image without a value is answered with \"value\": null")
    }
}
