import ArgumentParser
import Foundation
import Ports
import RunSpec
import SweepClient

/// A model behind an OpenAI-compatible address as an external metric: the same questions and answers as any
/// other program that measures images.
struct JudgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "judge", abstract: "Let a model judge images: an external metric.",
        discussion: """
            Reads JSON lines with "image", "reference" and "prompt" and answers each with "value" and "note". Where there is \
            a reference, the model is asked twice with the two pictures in either order, and the mean counts: models \
            prefer what stands first. The key of the service comes from OPENAI_API_KEY.
            """)

    @Option(help: "Address of the service, such as http://localhost:8000/v1.")
    var url: String
    @Option(help: "Name of the model there.")
    var model = "default"
    @Option(help: "Name of the metric.")
    var metric = "judged"
    @Option(help: "Text file that says what is judged, and by which scale.")
    var rubric: String?
    @Option(help: "The same as text.")
    var rubricText: String?

    func validate() throws {
        guard (rubric == nil) != (rubricText == nil) else {
            throw ValidationError("wanted one of --rubric FILE and --rubric-text TEXT")
        }
    }

    func run() async throws {
        let text = try rubricText ?? String(contentsOfFile: rubric ?? "", encoding: .utf8)
        let judge = ImageJudge(
            url: url.hasSuffix("/") ? String(url.dropLast()) : url, model: model, rubric: text,
            token: ProcessInfo.processInfo.environment["OPENAI_API_KEY"])
        // It is asked for by who keeps it running; people want answers only.
        if ProcessInfo.processInfo.environment["RADIATA_METRIC_STAYS"] != nil {
            let greeting = Greeting(ready: true, metrics: [metric])
            Console.out(String(decoding: try JSONEncoder().encode(greeting), as: UTF8.self))
        }
        while let line = readLine(strippingNewline: true) {
            guard !line.isEmpty else { continue }
            let question: ImageJudge.Question
            do {
                question = try JSONDecoder().decode(ImageJudge.Question.self, from: Data(line.utf8))
            } catch {
                throw CommandFailure(.usage, "a line is no question about an image: \(line.prefix(120))")
            }
            let verdict = try await judge.verdict(on: question)
            let answer = Answer(id: question.id, metric: metric, value: verdict.score, note: verdict.reason)
            Console.out(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
        }
    }

    private struct Greeting: Encodable {
        var ready: Bool
        var metrics: [String]
    }

    private struct Answer: Encodable {
        var id: Int?
        var metric: String
        var value: Double
        var note: String
    }
}

/// Asks a model about one image.
struct ImageJudge {
    struct Question: Decodable {
        var id: Int?
        var image: String
        var prompt: String?
        var reference: [String]?
    }

    struct Verdict: Equatable {
        var score: Double
        var reason: String
    }

    let url: String
    let model: String
    let rubric: String
    let token: String?
    private let service = JSONService()

    init(url: String, model: String, rubric: String, token: String?) {
        self.url = url
        self.model = model
        self.rubric = rubric
        self.token = token
    }

    /// The mean over both orders of the pictures.
    func verdict(on question: Question) async throws -> Verdict {
        guard let reference = question.reference?.first else {
            return try await ask("The picture is to be judged.", [question.image], question.prompt)
        }
        let first = try await ask(
            "Picture 1 is the reference. Picture 2 is to be judged.", [reference, question.image], question.prompt)
        let second = try await ask(
            "Picture 1 is to be judged. Picture 2 is the reference.", [question.image, reference], question.prompt)
        return Verdict(score: (first.score + second.score) / 2, reason: first.reason)
    }

    private func ask(_ order: String, _ images: [String], _ prompt: String?) async throws -> Verdict {
        let wish = prompt.map { $0.isEmpty ? "" : "\nThe picture was asked for with: \($0)" } ?? ""
        let text =
            "\(rubric)\n\n\(order)\(wish)\nAnswer with one JSON object and nothing else: "
            + #"{"score": NUMBER, "reason": "one sentence"}"#
        var content: [Part] = [Part(type: "text", text: text)]
        for path in images {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw CommandFailure(.notFound, "\(path): not there or not readable")
            }
            let kind = path.hasSuffix(".png") ? "png" : path.hasSuffix(".webp") ? "webp" : "jpeg"
            let image = Part.Address(url: "data:image/\(kind);base64," + data.base64EncodedString())
            content.append(Part(type: "image_url", imageURL: image))
        }
        let request = Request(model: model, messages: [Message(role: "user", content: content)])
        let body = try await service.post(
            try JSONEncoder().encode(request), to: url + "/chat/completions", token: token)
        let reply: Reply
        do {
            reply = try JSONDecoder().decode(Reply.self, from: body)
        } catch {
            throw CommandFailure(
                .failed,
                "\(url): its answer is no chat completion (\(String(decoding: body.prefix(200), as: UTF8.self)))")
        }
        guard let words = reply.choices.first?.message.content, let verdict = Self.verdict(in: words) else {
            throw CommandFailure(
                .failed, "\(url): the model named no score: '\(reply.choices.first?.message.content.prefix(200) ?? "")'"
            )
        }
        return verdict
    }

    /// The last JSON object with a score in a model's words.
    static func verdict(in words: String) -> Verdict? {
        struct Found: Decodable {
            var score: Double
            var reason: String?
        }
        // Braces around anything else are part of its words.
        for start in words.indices.reversed() where words[start] == "{" {
            guard let end = words[start...].firstIndex(of: "}") else { continue }
            if let found = try? JSONDecoder().decode(Found.self, from: Data(words[start...end].utf8)),
                found.score.isFinite
            {
                return Verdict(score: found.score, reason: found.reason ?? "")
            }
        }
        return nil
    }

    private struct Request: Encodable {
        var model: String
        var messages: [Message]
        var temperature = 0.0
        var mostTokens = 400

        private enum CodingKeys: String, CodingKey {
            case model, messages, temperature
            case mostTokens = "max_tokens"
        }
    }

    private struct Message: Encodable {
        var role: String
        var content: [Part]
    }

    private struct Part: Encodable {
        struct Address: Encodable { var url: String }
        var type: String
        var text: String?
        var imageURL: Address?

        private enum CodingKeys: String, CodingKey {
            case type, text
            case imageURL = "image_url"
        }
    }

    private struct Reply: Decodable {
        struct Choice: Decodable { var message: Words }
        struct Words: Decodable { var content: String }
        var choices: [Choice]
    }
}
