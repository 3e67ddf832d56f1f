import ArgumentParser
import SweepClient
import SweepModel
import SweepWire

struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Everything known about one job: attempts, checkpoints, newest metrics, events.",
        discussion: CommandExamples.text([
            "radiata show 3f2a91c0"
        ]))

    @Argument(help: "Job id, or a unique beginning of at least 8 digits.")
    var job: String

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let detail = try await options.client().call(.job, JobRequest(job: job))
        if output.format == .json {
            Console.out(try JSONText.encode(detail))
            return
        }
        Console.out("job         \(detail.job.id)")
        Console.out("sweeps      \(detail.sweeps.joined(separator: ", "))")
        Console.out("state       \(detail.job.state)\(detail.job.failure.map { " (\($0))" } ?? "")")
        if let waits = detail.job.waitsFor { Console.out("waits for   \(waits)") }
        if let worker = detail.job.worker { Console.out("worker      \(Self.name(worker, detail.job.workerID))") }
        if let message = detail.job.message, !message.isEmpty { Console.out("message     \(message)") }
        Console.out("seed        \(detail.job.seed)")
        Console.out("parameters  \(detail.job.parameters.summary)")
        if let fallback = detail.job.fallback { Console.out("fell back   out of memory: \(fallback.summary)") }
        if let tags = detail.job.tags { Console.out("tags        \(tags.joined(separator: " "))") }
        if let note = detail.job.note {
            Console.out("note        \(note.replacing("\n", with: "\n            "))")
        }
        printFamily(detail)
        try printAttempts(detail)
        try printCheckpoints(detail)
        try printMetrics(detail)
        printNotices(detail)
        Console.out("")
        for event in detail.events {
            let attempt = event.attempt.map { " attempt \($0)" } ?? ""
            Console.out("\(TimeText.local(event.at))  \(event.kind)\(attempt)  \(event.detail)")
        }
    }

    private func printFamily(_ detail: JobDetail) {
        if let origin = detail.origin {
            let changes = origin.changes.isEmpty ? "" : ", with \(origin.changes.summary)"
            let place = origin.step > 0 ? " from \(StepText.place(epoch: origin.epoch, step: origin.step))" : ""
            Console.out("made by     \(origin.way) of \(origin.parent.prefix(12))\(place)\(changes)")
            if let notice = origin.notice { Console.out("            \(notice)") }
        }
        for child in detail.children ?? [] { Console.out("led to      \(child.job.prefix(12)) (\(child.way))") }
    }

    private static func name(_ worker: String, _ id: String?) -> String {
        id.map { worker == $0 ? String($0.prefix(8)) : "\(worker) (\($0.prefix(8)))" } ?? worker
    }

    private func printAttempts(_ detail: JobDetail) throws {
        // Where no attempt had a GPU, nothing is said of them.
        let hasGPUs = detail.attempts.contains { $0.gpuMemory != nil }
        var table = TextTable(
            columns: ["attempt", "worker", "started", "ended", "resumed at"]
                + (hasGPUs ? ["gpu memory", "gpu busy"] : []) + ["outcome", "message"])
        table.rows = detail.attempts.map {
            [
                .number(Double($0.number)), .text(Self.name($0.worker, $0.workerID)), .text(TimeText.local($0.started)),
                .text($0.ended.map(TimeText.local) ?? "running"), .number(Double($0.resumedStep)),
            ] + (hasGPUs ? Self.gpuCells($0) : []) + [
                .text([$0.outcome, $0.failure].compactMap(\.self).joined(separator: " ")), .text($0.message ?? ""),
            ]
        }
        Console.out("\n" + (try table.rendered(as: .table)))
    }

    private static func gpuCells(_ attempt: JobDetail.Attempt) -> [TextTable.Cell] {
        [
            .text(attempt.gpuMemory.map { "\(($0 / 100).rounded() / 10) GB" } ?? ""),
            .text(attempt.gpuUtilisation.map { "\(Int($0.rounded())) %" } ?? ""),
        ]
    }

    private func printCheckpoints(_ detail: JobDetail) throws {
        guard !detail.checkpoints.isEmpty else { return }
        var table = TextTable(columns: ["checkpoint", "attempt", "epoch", "step", "file", "bytes", "sha256"])
        table.rows = detail.checkpoints.flatMap { checkpoint in
            checkpoint.files.map { file in
                [
                    .text(checkpoint.name), checkpoint.attempt.map { .number(Double($0)) } ?? .none,
                    .number(Double(checkpoint.epoch)),
                    .number(Double(checkpoint.step)), .text(file.name), .number(Double(file.bytes)),
                    .text(String(file.sha256.prefix(12))),
                ]
            }
        }
        Console.out("\n" + (try table.rendered(as: .table)))
    }

    private func printNotices(_ detail: JobDetail) {
        guard let notices = detail.notices, !notices.isEmpty else { return }
        Console.out("\nnot taken")
        for notice in notices {
            Console.out("  attempt \(notice.attempt)  \(notice.kind), \(notice.count) times: \(notice.detail)")
        }
    }

    private func printMetrics(_ detail: JobDetail) throws {
        guard !detail.latest.isEmpty else { return }
        var table = TextTable(columns: ["metric", "newest value"])
        table.rows = detail.latest.sorted { $0.key < $1.key }.map { [.text($0.key), .number($0.value)] }
        Console.out("\n" + (try table.rendered(as: .table)))
    }
}
