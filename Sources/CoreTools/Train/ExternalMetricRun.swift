import CoreEvaluation
import CoreTraining
import Dispatch
import Foundation
import RunSpec

/// A program that was to measure images, and why it did not.
package struct ExternalMetricError: Error, CustomStringConvertible {
    package let message: String
    package var description: String { message }
}

/// Asks an `ExternalMetric` about images.
///
/// Questions and answers are files, so that neither side can wait for the other: a program may answer line by
/// line or read all questions first.
struct ExternalMetricRun {
    /// One image, as a line on the program's standard input.
    struct Question: Encodable {
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

    struct Answer: Codable {
        /// The question's; where a program leaves it out, its image names it.
        var id: Int?
        var image: String?
        var metric: String?
        var value: Double?
        var note: String?
    }

    let metric: ExternalMetric
    /// This program, for `{radiata}`.
    let program: String
    /// Remembered answers, by content.
    let cache: String
    /// For questions and answers.
    let folder: String
    let shouldStop: () -> Bool

    /// - Returns: for each question its answers, one a metric that the program measures.
    /// - Throws: ``ExternalMetricError``; `EvaluationError` with `stopped`.
    func answers(to questions: [Question]) throws -> [[Answer]] {
        var known = try questions.map { question in try remembered(question) }
        let open = questions.indices.filter { known[$0] == nil }
        guard !open.isEmpty else { return known.map { $0 ?? [] } }
        let found = try ask(open.map { questions[$0] })
        for index in open {
            let answers = found[index] ?? []
            known[index] = answers
            try remember(answers, questions[index])
        }
        return known.map { $0 ?? [] }
    }

    private func ask(_ questions: [Question]) throws -> [Int: [Answer]] {
        let safe = metric.name.map { $0.isLetter || $0.isNumber ? $0 : "-" }
        let (asked, answered) = ("\(folder)/\(String(safe)).questions", "\(folder)/\(String(safe)).answers")
        for path in [asked, answered] where FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
        let lines = try LineFile(path: asked)
        for question in questions { try lines.append(question) }
        try lines.flush(sync: false)
        guard FileManager.default.createFile(atPath: answered, contents: nil),
            let input = FileHandle(forReadingAtPath: asked), let output = FileHandle(forWritingAtPath: answered)
        else { throw ExternalMetricError(message: "\(answered): cannot be written") }
        defer {
            // Their content is on disk; a descriptor that does not close costs nothing more.
            try? input.close()
            try? output.close()
        }
        let status = try run(input, output)
        guard status == 0 else { throw failure("exited with code \(status)") }
        return try parse(try String(contentsOfFile: answered, encoding: .utf8), questions)
    }

    private func run(_ input: FileHandle, _ output: FileHandle) throws -> Int32 {
        guard let name = metric.command.first else { throw failure("has an empty command") }
        let process = Process()
        let path = name == "{radiata}" ? program : name
        // `env` looks a bare name up, as a shell does.
        process.executableURL = URL(fileURLWithPath: path.contains("/") ? path : "/usr/bin/env")
        process.arguments =
            (path.contains("/") ? [] : [path])
            + metric.command.dropFirst().map { $0.replacing("{radiata}", with: program) }
        process.environment = ProcessInfo.processInfo.environment.merging(metric.env ?? [:]) { $1 }
        process.standardInput = input
        process.standardOutput = output
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        do {
            try process.run()
        } catch {
            throw failure("cannot be started (\(error.localizedDescription))")
        }
        while ended.wait(timeout: .now() + .milliseconds(200)) == .timedOut {
            guard shouldStop() else { continue }
            process.terminate()
            process.waitUntilExit()
            throw EvaluationError(code: .stopped, message: "asked to stop while \(metric.name) was measured")
        }
        guard process.terminationReason == .exit else {
            throw failure("was ended by signal \(process.terminationStatus)")
        }
        return process.terminationStatus
    }

    private func parse(_ text: String, _ questions: [Question]) throws -> [Int: [Answer]] {
        let byImage = Dictionary(questions.map { ($0.image, $0.id) }, uniquingKeysWith: { first, _ in first })
        let ids = Set(questions.map(\.id))
        var found: [Int: [Answer]] = [:]
        for line in text.split(separator: "\n") where line.contains("{") {
            let answer: Answer
            do {
                answer = try JSONDecoder().decode(Answer.self, from: Data(line.utf8))
            } catch {
                throw failure("answered '\(line.prefix(120))', which is no JSON object with 'id', 'metric' and 'value'")
            }
            guard let id = answer.id ?? answer.image.flatMap({ byImage[$0] }), ids.contains(id) else {
                throw failure("answered about an image that it was not asked about: '\(line.prefix(120))'")
            }
            found[id, default: []].append(answer)
        }
        guard let missing = questions.first(where: { found[$0.id] == nil }) else { return found }
        throw failure(
            "answered \(found.count) of \(questions.count) questions; nothing about \(missing.image). "
                + "An image without a value is answered with \"value\": null")
    }

    private func failure(_ text: String) -> ExternalMetricError {
        ExternalMetricError(message: "metric \(metric.name): \(metric.command.first ?? "the command") \(text)")
    }

    // MARK: answers by content

    private func place(of question: Question) throws -> String {
        var key = ContentKey()
        key.add("\(metric.name)\n\(metric.command.joined(separator: "\0"))\n\(metric.version ?? "")")
        key.add(question.prompt)
        for path in [question.image] + question.reference + (question.baseImage.map { [$0] } ?? []) {
            try key.add(file: path)
        }
        return "\(cache)/external/\(key.text).json"
    }

    private func remembered(_ question: Question) throws -> [Answer]? {
        guard let data = FileManager.default.contents(atPath: try place(of: question)) else { return nil }
        // What another program left there is no answer: the image is measured anew.
        return try? JSONDecoder().decode([Answer].self, from: data)
    }

    private func remember(_ answers: [Answer], _ question: Question) throws {
        try DurableFolder.create("\(cache)/external")
        let kept = answers.map { Answer(id: nil, image: nil, metric: $0.metric, value: $0.value, note: $0.note) }
        try JSONEncoder().encode(kept).write(to: URL(fileURLWithPath: try place(of: question)), options: .atomic)
    }
}
