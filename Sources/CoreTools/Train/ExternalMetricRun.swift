import CoreEvaluation
import CoreTraining
import Foundation
import RunSpec

/// Asks an `ExternalMetric` about images that nobody has asked it about before.
struct ExternalMetricRun {
    let metric: ExternalMetric
    /// This program, for `{radiata}`.
    let program: String
    /// Remembered answers, by content.
    let cache: String
    /// The socket of a `MetricHost` whose programs stay from checkpoint to checkpoint; nil to start one here.
    let host: String?
    let listener: MetricListener

    /// - Returns: for each question its answers, one a metric that the program measures.
    /// - Throws: ``ExternalMetricError``; `EvaluationError` with `stopped`.
    func answers(to questions: [MetricQuestion]) throws -> [[MetricAnswer]] {
        var known = try questions.map { question in try remembered(question) }
        let open = questions.indices.filter { known[$0] == nil }
        guard !open.isEmpty else { return known.map { $0 ?? [] } }
        let found = try ask(open.map { questions[$0] })
        for index in open {
            let answers = found[questions[index].id] ?? []
            known[index] = answers
            try remember(answers, questions[index])
        }
        return known.map { $0 ?? [] }
    }

    private func ask(_ questions: [MetricQuestion]) throws -> [Int: [MetricAnswer]] {
        if let host {
            let request = MetricHostRequest(metric: metric, program: program, questions: questions)
            do {
                return try MetricHostCall(socket: host).answers(to: request, listener)
            } catch is MetricHostGone {
                listener.log("\(metric.name): nobody keeps its program running; it is started for this checkpoint")
            }
        }
        let own = MetricProgram(metric, program: program)
        defer { own.end() }
        return try own.answers(to: questions, listener)
    }

    // MARK: answers by content

    private func place(of question: MetricQuestion) throws -> String {
        var key = ContentKey()
        key.add("\(metric.name)\n\(metric.command.joined(separator: "\0"))\n\(metric.version ?? "")")
        key.add(question.prompt)
        for path in [question.image] + question.reference + (question.baseImage.map { [$0] } ?? []) {
            try key.add(file: path)
        }
        return "\(cache)/external/\(key.text).json"
    }

    private func remembered(_ question: MetricQuestion) throws -> [MetricAnswer]? {
        guard let data = FileManager.default.contents(atPath: try place(of: question)) else { return nil }
        // What another program left there is no answer: the image is measured anew.
        return try? JSONDecoder().decode([MetricAnswer].self, from: data)
    }

    private func remember(_ answers: [MetricAnswer], _ question: MetricQuestion) throws {
        try DurableFolder.create("\(cache)/external")
        let kept = answers.map { MetricAnswer(id: nil, image: nil, metric: $0.metric, value: $0.value, note: $0.note) }
        try JSONEncoder().encode(kept).write(to: URL(fileURLWithPath: try place(of: question)), options: .atomic)
    }
}
