import Glibc
import Ports
import RunSpec
import SweepModel
import SweepWire
import Synchronization
import WorkerCore

extension AttemptRunner {
    /// Runs the evaluation command for every adapter of the job that has no evaluation yet, in order of
    /// steps.
    func evaluateAll(_ command: [String], _ plan: AttemptPlan, _ output: inout AttemptOutput) async throws
        -> AttemptEnd
    {
        try files.makeFolder(place.evaluation)
        for checkpoint in try adapters(output) where !grant.evaluated.contains(checkpoint.name) {
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
                let mask = SecretMask(environment: plan.order.environment)
                let line = mask.masked(ErrorLine.find(try output.logTail()) ?? "")
                return .failed(
                    FailureReport(
                        failure: ExitClassifier.failure(of: line),
                        message: "the evaluation of \(name) \(what): \(line)",
                        exitCode: child.exit?.code.map(Int.init)))
            }
            let rows = try self.rows(checkpoint, printed: try files.readText(order.output ?? ""))
            for event in try output.report(rows, completed: [name]) { emit(event) }
        }
        return .finished
    }

    private func adapters(_ output: AttemptOutput) throws -> [(name: String, step: Int, path: String)] {
        var result: [(name: String, step: Int, path: String)] = []
        let folder = AttemptFolder(place.out)
        for checkpoint in grant.trained {
            guard let name = checkpoint.files.first?.name.split(separator: "/").first.map(String.init) else { continue }
            let file = String(validating: FileName.bytes(name), as: UTF8.self) ?? name
            result.append((checkpoint.name, checkpoint.step, "\(folder.checkpoint(checkpoint.name))/\(file)"))
        }
        for checkpoint in output.deliverables.values {
            result.append((checkpoint.name, checkpoint.step, try argument(checkpoint.path)))
        }
        return result.sorted { ($0.step, $0.name) < ($1.step, $1.name) }
    }

    /// Who measures by other programs is told who keeps them running; all others must have the memory of
    /// their GPUs.
    func withMetricHost(_ order: ProcessOrder) async throws -> ProcessOrder {
        guard grant.job.kind == .evaluate, grant.job.evaluation?.external?.isEmpty == false else {
            await hosts.clear(gpus)
            return order
        }
        let socket = try await hosts.borrow(on: gpus, as: order)
        control.withLock { $0.metricHost = socket }
        var own = order
        own.environment[MetricHosts.variable] = socket
        return own
    }

    /// As an argument of a command; a name that is no text gets a link that is.
    private func argument(_ path: BytePath) throws -> String {
        if let text = path.text { return text }
        let link = "\(place.evaluation)/\(FileName.key(path.name))"
        try files.remove(link)
        guard path.withCString({ symlink($0, link) }) == 0 else { throw PortsError.system("link", link) }
        return link
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
