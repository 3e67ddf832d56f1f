import Ports
import RunSpec
import SweepWire
import Synchronization
import WorkerCore

extension AttemptRunner {
    /// Runs the evaluation command for every adapter of the job that has no evaluation yet, in order of steps.
    func evaluateAll(_ command: [String], _ plan: AttemptPlan, _ output: AttemptOutput) async throws
        -> AttemptEnd
    {
        try files.makeFolder(place.evaluation)
        for checkpoint in try adapters(plan) where !grant.evaluated.contains(checkpoint.name) {
            let name = checkpoint.name
            var values = plan.values
            values["checkpoint"] = checkpoint.path
            var order = plan.order
            let arguments = try command.map { try AttemptPlan.argument($0, values) }
            guard let program = arguments.first else { throw WorkerError(.badJob, "evaluate: the command is empty") }
            order.program = program
            order.arguments = arguments
            order.output = "\(place.evaluation)/\(name).json"
            let (child, _) = try await start(order)
            while await child.waitForExit(atMost: .seconds(3600), time: time) == nil {}
            guard let exit = child.exit, exit.code == 0 else {
                if control.withLock({ $0.isStopping || $0.isKilled }) { return .stopped }
                let what = child.exit?.code.map { "exited with code \($0)" } ?? "was ended by a signal"
                let tail = try output.logTail().suffix(3).joined(separator: "\n")
                return .failed(FailureReport(failure: .crash, message: "the evaluation of \(name) \(what): \(tail)"))
            }
            let rows = try self.rows(checkpoint, printed: try files.readText(order.output ?? ""))
            for event in try output.report(rows, completed: [name]) { emit(event) }
        }
        return .finished
    }

    private func adapters(_ plan: AttemptPlan) throws -> [(name: String, step: Int, path: String)] {
        var scan = CheckpointScan(plan, place: place, files: files)
        let found = try scan.complete(now: time.monotonic(), leader: nil, isTrusted: true) { _ in false }
        var result: [(name: String, step: Int, path: String)] = []
        let folder = AttemptFolder(place.out)
        for checkpoint in grant.trained {
            guard let file = checkpoint.files.first?.name.split(separator: "/").first else { continue }
            result.append((checkpoint.name, checkpoint.step, "\(folder.checkpoint(checkpoint.name))/\(file)"))
        }
        for checkpoint in found where checkpoint.manifest.isDeliverable {
            guard let path = checkpoint.paths.first, let name = checkpoint.manifest.files.first?.name else { continue }
            // A folder is named by its top: as many components up as the file's own name has below it.
            let depth = name.split(separator: "/").count - 1
            let top = path.split(separator: "/", omittingEmptySubsequences: false).dropLast(depth).joined(
                separator: "/")
            result.append((checkpoint.name, checkpoint.manifest.step, top))
        }
        return result.sorted { $0.step < $1.step }
    }

    /// The numbers of the JSON object a command printed last.
    private func rows(_ checkpoint: (name: String, step: Int, path: String), printed: String) throws
        -> [EvaluationRow]
    {
        guard let start = printed.lastIndex(of: "{") else {
            throw WorkerError(.badJob, "evaluate: printed no JSON object of metrics for \(checkpoint.name)")
        }
        // A step is not asked of this command, but its numbers are read by the same rules as metric lines.
        let text = "{\"step\": 0, " + printed[printed.index(after: start)...].drop { $0.isWhitespace }
        let line = text.prefix(through: text.lastIndex(of: "}") ?? text.index(before: text.endIndex))
        return try MetricLine(parsing: String(line)).values.sorted { $0.key < $1.key }.map { key, value in
            EvaluationRow(
                checkpoint: checkpoint.name, epoch: 0, step: checkpoint.step, class: "", prompts: "", metric: key,
                value: value, n: 1)
        }
    }
}
