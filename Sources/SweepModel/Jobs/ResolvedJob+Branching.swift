import Ports
package import RunSpec

/// New jobs made of one that is there.
extension ResolvedJob {
    /// The same training from the beginning with other settings. `seed` may be among them; null takes a
    /// setting away.
    ///
    /// - Throws: `SweepModelError` for a name that the trainer does not have, a value out of range, or one
    ///   that the algorithm ignores.
    package func rerun(setting changes: [String: ParameterValue]) throws(SweepModelError) -> ResolvedJob {
        try refuseOtherKinds("run again")
        var branch = self
        branch.group = JobOrigin.Way.rerun.rawValue
        if let seed = changes["seed"] {
            guard let number = seed.integer, number >= 0 else {
                throw Self.impossible("seed is \(seed); wanted an integer of at least 0")
            }
            branch.seed = number
        }
        try branch.set(changes)
        branch.checkpoints = checkpoints.map { plan in
            branch.parameters["epochs"]?.integer.map(plan.trimmed) ?? plan
        }
        branch.origin = JobOrigin(way: .rerun, job: id, configuration: configuration)
        try branch.identify()
        return branch
    }

    /// The same training for more epochs, from a training state of this job.
    ///
    /// - Parameters:
    ///   - epochs: of the whole training, those that are done included.
    ///   - state: the newest training state with its files.
    ///   - more: epochs beyond the state after which a checkpoint is kept; the last one always is.
    /// - Throws: `SweepModelError` for a job that has no epochs, or as many already.
    package func extended(
        to epochs: Int, from state: StoredCheckpoint, keeping more: [Int] = []
    ) throws(SweepModelError) -> ResolvedJob {
        try refuseOtherKinds("extended")
        if let trainer = trainer.command {
            guard trainer.templateNames.contains("epochs") else {
                throw Self.impossible(
                    "its trainer's command has no {epochs}, so it cannot be told to train longer; add it and launch anew"
                )
            }
            guard !trainer.resume.isEmpty || trainer.restore != nil else {
                throw Self.impossible("its trainer has no 'resume' arguments, so it cannot go on from a training state")
            }
        }
        guard let before = parameters["epochs"]?.integer else {
            throw Self.impossible("it has no parameter 'epochs' that could be raised")
        }
        guard epochs > before else {
            throw Self.impossible("it trains \(before) epochs already; wanted more with --epochs")
        }
        guard more.allSatisfy({ $0 > state.epoch && $0 < epochs }) else {
            throw Self.impossible("--checkpoints are epochs between \(state.epoch + 1) and \(epochs - 1) here")
        }
        var branch = self
        branch.group = JobOrigin.Way.extend.rawValue
        try branch.set(["epochs": .number(Double(epochs))])
        let plan = checkpoints ?? CheckpointPlan()
        branch.checkpoints = CheckpointPlan(
            epochs: plan.epochs.filter { $0 > state.epoch } + more, steps: plan.steps.filter { $0 > state.step },
            stateEverySeconds: plan.stateEverySeconds)
        branch.origin = JobOrigin(
            way: .extend, job: id, configuration: configuration,
            start: .init(
                state: Self.digest(of: state), epoch: state.epoch, step: state.step, epochs: before))
        try branch.identify()
        return branch
    }

    /// What becomes of the learning rate of an extended job, in a sentence; nil where the trainer alone
    /// knows.
    package var scheduleNotice: String? {
        guard let start = origin?.start, trainer.isCore, let epochs = parameters["epochs"]?.integer,
            let name = parameters["schedule"]?.text
        else { return nil }
        if Schedule(rawValue: name) == .constant {
            return "The learning rate is constant, so this is what a training of \(epochs) epochs would do from here."
        }
        return
            "The schedule \(name) was made for \(start.epochs) epochs; from step \(start.step) on the rate jumps to that of "
            + "a schedule of \(epochs) epochs at this step. So the result is not that of a training of \(epochs) epochs "
            + "from the beginning."
    }

    /// - Throws: `SweepModelError`.
    private mutating func set(_ changes: [String: ParameterValue]) throws(SweepModelError) {
        var changes = changes
        changes["seed"] = nil
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            if !trainer.isCore, given[name] == nil {
                let known = given.keys.sorted()
                let hint = nearest(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
                throw Self.impossible(
                    "it has no parameter '\(name)'\(hint) (there are \(known.joined(separator: ", ")), seed)")
            }
            given[name] = value.isNull ? nil : value
        }
        guard trainer.isCore else {
            parameters = given
            return
        }
        do {
            let resolved = try ParameterTable.resolve(given)
            if let ignored = resolved.dropped.first(where: { changes[$0.name] != nil }) {
                throw Self.impossible("\(ignored.reason); \(ignored.name) would change nothing")
            }
            parameters = resolved.parameters
        } catch let error as RunSpecError {
            throw Self.impossible(error.message)
        } catch let error as SweepModelError {
            throw error
        } catch {
            throw Self.impossible("\(error)")
        }
    }

    private mutating func identify() throws(SweepModelError) {
        let identity = try JobIdentity(
            kind: kind, trainer: trainer, parameters: parameters, checkpoints: checkpoints, evaluation: evaluation,
            base: base?.reference, data: data?.reference, regData: regData?.reference, clip: encoders[.clip]?.reference,
            origin: origin, stopRule: stopRule, onOOM: onOOM)
        configuration = identity.configuration
        id = identity.job(seed: seed)
    }

    private func refuseOtherKinds(_ what: String) throws(SweepModelError) {
        guard kind == .train else {
            throw Self.impossible("it is a job of the kind \(kind.rawValue); only trainings can be \(what)")
        }
    }

    private static func impossible(_ message: String) -> SweepModelError {
        SweepModelError(code: .badExpansion, message: message)
    }

    /// Names a training state by its content.
    private static func digest(of state: StoredCheckpoint) -> ContentDigest {
        ContentDigest.of(state.files.map { "\($0.name) \($0.sha256)\n" }.sorted().joined())
    }
}

extension ResolvedInput {
    var reference: InputReference {
        InputReference(written: path, path: path, digest: digest, generations: generations)
    }
}
