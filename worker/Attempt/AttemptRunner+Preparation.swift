import Ports
import RunSpec
import SweepModel
import SweepWire
import Synchronization
import WorkerCore

extension AttemptRunner {
    /// What runs, once its inputs are there and its folder is made. A stop ends the waiting.
    func planned() async throws -> AttemptPlan {
        let maker = maker
        let (grant, place, gpus) = (grant, place, gpus)
        let plan: AttemptPlan
        if grant.needsNothing {
            plan = try await maker.make(grant, at: place, gpus: gpus, prepared: [:])
        } else {
            let preparation = Task {
                let prepared = try await self.prepared()
                return try await maker.make(grant, at: place, gpus: gpus, prepared: prepared)
            }
            let isStopped = control.withLock { control in
                control.preparation = preparation
                return control.isStopping || control.isKilled
            }
            if isStopped { preparation.cancel() }
            plan = try await preparation.value
        }
        control.withLock { control in
            control.preparation = nil
            control.stopSignal = plan.order.stopSignal
            control.grace = plan.order.grace
            control.stop = plan.stop
        }
        return plan
    }

    /// Where what was made for the job lies on this machine, by the name that its texts have for it.
    ///
    /// - Throws: `PreparationFailure`, or what ``AttemptFolderMaker`` throws.
    func prepared() async throws -> [String: String] {
        var places: [String: String] = [:]
        for preparation in try grant.job.preparations() {
            places[preparation.rule.placeholder] = try await maker.store.place(of: preparation.job.id) {
                try await self.made(preparation)
            }
        }
        return places
    }

    private func made(_ preparation: Preparation) async throws -> String {
        let id = preparation.job.id
        let folder = AttemptPlace(path: "\(place.path)/prepare-\(id.short)")
        try files.remove(folder.path)
        if preparation.rule.scope == .fleet {
            guard let found = grant.prepared?.first(where: { $0.job == id.text }) else {
                throw WorkerError(.badInput, "the coordinator names no files of the preparation \(id.short)")
            }
            try await maker.restore(found.files, below: folder.out)
            return "\(folder.out)/\(CommandTrainer.PrepareRule.result)"
        }
        let title = preparation.rule.title
        try LogNote.append(
            "preparation '\(title)' (\(id.short)) is not on this machine yet; it is made now", to: place.log)
        emit(.progress(grant.token, phase: "preparing", step: nil))
        let own = Grant(token: grant.token, job: preparation.job, leaseSeconds: grant.leaseSeconds)
        let plan = try await maker.make(own, at: folder, gpus: gpus, prepared: [:])
        var order = plan.order
        // One process of an attempt at a time: the record of this one.
        order.record = place.process
        let (child, _) = try await start(order)
        while await child.waitForExit(atMost: Self.pace, time: time) == nil {}
        let wasStopped = control.withLock { control in
            control.child = nil
            return control.isStopping || control.isKilled
        }
        if wasStopped { throw CancellationError() }
        let mask = SecretMask(environment: order.environment)
        let log = try files.exists(folder.log) ? try files.readText(folder.log) : ""
        let line = mask.masked(ErrorLine.find(log.split(separator: "\n").suffix(60).map(String.init)) ?? "")
        guard let code = child.exit?.code, code == 0 else {
            let how = child.exit?.code.map { "exited with code \($0)" } ?? "was ended by a signal"
            throw PreparationFailure(
                report: FailureReport(
                    failure: ExitClassifier.failure(of: line),
                    message: "its preparation '\(title)' \(how) on this machine: \(line)",
                    exitCode: child.exit?.code.map(Int.init)))
        }
        guard let result = try await gather(own, folder) else {
            throw PreparationFailure(
                report: FailureReport(
                    failure: .crash,
                    message: "its preparation '\(title)' made nothing on this machine, in {prepared} or {data}"))
        }
        return result
    }

    /// Puts what a preparation made into one folder.
    ///
    /// - Returns: the folder; nil where nothing was made.
    func gather(_ grant: Grant, _ place: AttemptPlace) async throws -> String? {
        let (target, added) = (CommandTrainer.PrepareRule.target, CommandTrainer.PrepareRule.added)
        let result = BytePath("\(place.out)/\(CommandTrainer.PrepareRule.result)")
        let made = BytePath("\(place.out)/\(target)")
        let source = try await maker.locate(grant.job.data)
        let files = files
        return try await BlockingWork.run {
            try files.remove(result.description)
            var isEmpty = true
            if !made.names().isEmpty {
                try files.makeFolder(result.description)
                try files.publish(made.description, as: "\(result.description)/\(target)")
                isEmpty = false
            }
            if let source, try files.exists(place.data) {
                let count = try LinkTree.moveAdded(
                    in: BytePath(place.data), besides: BytePath(source), to: result.appending(Array(added.utf8)))
                isEmpty = isEmpty && count == 0
            }
            return isEmpty ? nil : result.description
        }
    }
}

extension Grant {
    /// Nothing is fetched or made for it before it begins, so that there is nothing to wait for.
    fileprivate var needsNothing: Bool {
        job.kind == .train && job.inputs.isEmpty && job.trainer.program.prepare == nil && resume == nil
            && trained.isEmpty
    }
}
