import Ports
import RunSpec
import SweepModel
import SweepWire

extension WorkerCore {
    mutating func recover(
        _ token: AttemptToken, pointsFrom first: UInt64, _ fault: String?, now: MonotonicTime
    ) -> [WorkerEffect] {
        guard attempts[token] == nil else { return [] }
        var attempt = HeldAttempt(token: token, phase: .reporting, since: now)
        attempt.pointsNext = first
        attempt.fault = fault
        attempt.isLeftOver = true
        hold(attempt)
        return []
    }

    /// A report of points that the spool has lost would wait for them for ever, and its job with it.
    private mutating func refuseOrphan(_ token: AttemptToken, _ report: SpooledReport, _ attempt: HeldAttempt)
        -> [WorkerEffect]
    {
        let text =
            "the spool of job \(token.job.short) has lost points: \(attempt.pointsSpooled) are there, a report speaks of "
            + "\(report.streamPosition ?? 0)"
        update(token) { $0.fault = text }
        let end: [WorkerEffect] =
            report.isFinal ? [.spool(token, .failed(FailureReport(failure: .crash, message: text)))] : []
        return [.settle(token, report: report.number)] + end + [.log(WorkerLog(.warning, text))]
    }

    mutating func take(_ grant: Grant, now: MonotonicTime) -> [WorkerEffect] {
        guard attempts[grant.token] == nil else { return [] }
        var attempt = HeldAttempt(token: grant.token, phase: .running, since: now)
        attempt.timeLimit = grant.job.timeoutSeconds.map { .seconds($0) }
        guard !isStopping else {
            // It came with an answer that was on its way when we were asked to stop.
            attempt.phase = .reporting
            hold(attempt)
            return [.spool(grant.token, .released(ReleaseReport(reason: .drain)))]
        }
        let needs = grant.job.needs
        let capacity = WorkerCapacity(slots: settings.slots, gpus: freeGPUs ?? [])
        // What was said to be free is what is free; a coordinator that gives more must not make two share.
        guard let picked = capacity.pick(needs, of: offer) else {
            attempt.phase = .reporting
            hold(attempt)
            let text =
                "job \(grant.token.job.short) is given back: it needs \(WorkerOffer.gpuText(needs)), "
                + "and free are \(capacity.gpus.count) of \(settings.gpus.count)"
            return [.spool(grant.token, .released(ReleaseReport(reason: .restart))), .log(WorkerLog(.warning, text))]
        }
        attempt.slots = offer.slotCost(needs)
        guard !settings.gpus.isEmpty || takenSlots + attempt.slots <= settings.slots else {
            attempt.phase = .claimed
            hold(attempt)
            claimed.append(grant)
            return []
        }
        if !picked.isEmpty { gpus[grant.token] = picked }
        hold(attempt)
        return [.run(grant, gpus: picked)]
    }

    /// The coordinator, or the user, wants the attempt to stop politely.
    mutating func stop(_ token: AttemptToken, _ reason: StopReason) -> [WorkerEffect] {
        let token = Mutant.isOn("stop-without-attempt") ? order.first { $0.job == token.job } ?? token : token
        if attempts[token]?.phase == .claimed { return giveBack(token, ReleaseReport.Reason(reason)) }
        guard var attempt = attempts[token], attempt.phase == .running else { return [] }
        if reason == .finish {
            guard attempt.stop == nil || attempt.stop == .finish else { return [] }
            attempt.stop = .finish
            attempts[token] = attempt
            // Said again until it has ended: its trainer may not have been there yet.
            return [.finishAttempt(token)]
        }
        // A wish to cancel is stronger than one to pause or drain: it needs no state. What is about to finish
        // may be ended like any other: whoever goes on with it finishes it.
        if attempt.stop == nil || attempt.stop == .finish || reason == .cancel { attempt.stop = reason }
        let isFirst = !attempt.stopSent
        attempt.stopSent = true
        attempts[token] = attempt
        if reason == .cancel { return [.kill(token)] }
        return isFirst ? [.stop(token)] : []
    }

    /// Another attempt holds the job, or the job ended: nothing of this one counts any more.
    mutating func supersede(_ token: AttemptToken) -> [WorkerEffect] {
        guard let attempt = attempts[token], !Mutant.isOn("superseded-goes-on") else { return [] }
        forget(token)
        let text =
            "attempt \(token.attempt) of job \(token.job.short) was superseded; it is ended and its folder removed"
        let end: [WorkerEffect] = attempt.phase == .running ? [.kill(token)] : []
        return end + [.discard(token), .log(WorkerLog(.warning, text))]
    }

    mutating func ended(_ token: AttemptToken, _ end: AttemptEnd, now: MonotonicTime) -> [WorkerEffect] {
        guard var attempt = attempts[token], attempt.phase == .running else { return [] }
        count(end, after: now - attempt.since)
        attempt.phase = .reporting
        attempt.moved(to: HeldAttempt.uploadingPhase, step: nil, extent: nil)
        attempt.deadline = nil
        attempts[token] = attempt
        // After one that took longer, what waits runs, or is given back after its second: nobody knows yet
        // whether the next is as long.
        return [.spool(token, finalReport(attempt, end))] + (end == .finished ? [] : giveBackClaimed())
    }

    private func finalReport(_ attempt: HeldAttempt, _ end: AttemptEnd) -> Report.Body {
        if attempt.isTimedOut {
            let limit = attempt.timeLimit.map { "\(Int($0.inSeconds)) s" } ?? "its limit"
            return .failed(FailureReport(failure: .timeout, message: "ran longer than its time limit of \(limit)"))
        }
        switch (end, attempt.stop) {
        case (.finished, _):
            if let fault = attempt.fault { return .failed(FailureReport(failure: .crash, message: fault)) }
            return .finished(FinishReport(streamPosition: attempt.pointsSpooled))
        case (_, .some(let reason)):
            // Whatever way it ended after it was asked to: not the job's fault.
            return .released(ReleaseReport(reason: ReleaseReport.Reason(reason)))
        case (.stopped, .none): return .released(ReleaseReport(reason: .drain))
        case (.failed(let failure), .none): return .failed(failure)
        }
    }

    mutating func enqueue(_ token: AttemptToken, _ report: SpooledReport) -> [WorkerEffect] {
        guard var attempt = attempts[token] else { return [] }
        // It would wait for points that nobody will ever take.
        if attempt.isStreamDead, report.isCheckpoint { return [.settle(token, report: report.number)] }
        if attempt.isLeftOver, report.streamPosition ?? 0 > attempt.pointsSpooled {
            return refuseOrphan(token, report, attempt)
        }
        if report.isFinished, let fault = attempt.fault {
            // What it made was found unfit to be handed in while this was being written.
            return [
                .settle(token, report: report.number),
                .spool(token, .failed(FailureReport(failure: .crash, message: fault))),
            ]
        }
        var effects: [WorkerEffect] = []
        if report.isStateOnly {
            // Only the newest state that is not yet under way is worth sending.
            let old = attempt.queue.enumerated().filter { index, waiting in
                index >= attempt.inFlight && waiting.isStateOnly && waiting.number != attempt.uploading
                    && !attempt.uploaded.contains(waiting.number)
            }
            let numbers = Set(old.map(\.element.number))
            attempt.queue.removeAll { numbers.contains($0.number) }
            effects = numbers.sorted().map { .settle(token, report: $0) }
        }
        attempt.queue.append(report)
        attempts[token] = attempt
        return effects
    }

    // MARK: Blobs

    mutating func uploadNext() -> [WorkerEffect] {
        guard session != nil, attempts.values.contains(where: { $0.nextUpload != nil }) else { return [] }
        return order.compactMap { token -> WorkerEffect? in
            guard var attempt = attempts[token], let next = attempt.nextUpload else { return nil }
            attempt.uploading = next.number
            attempts[token] = attempt
            return .upload(token, report: next.number)
        }
    }

    mutating func uploadFailed(_ token: AttemptToken, _ number: UInt64, _ message: String) -> [WorkerEffect] {
        var effects: [WorkerEffect] = []
        update(token) { attempt in
            attempt.uploading = nil
            attempt.queue.removeAll { $0.number == number }
            attempt.fault = message
            // It ended well, but not all that it made can be handed in: then it is no result. Its report goes
            // first, so that no crash leaves it alone on the disk.
            guard let end = attempt.queue.firstIndex(where: \.isFinished) else { return }
            effects = [
                .settle(token, report: attempt.queue[end].number),
                .spool(token, .failed(FailureReport(failure: .crash, message: message))),
            ]
            attempt.queue.remove(at: end)
        }
        return effects + [.settle(token, report: number), .log(WorkerLog(.warning, message))]
    }

    mutating func uploadVoid(_ token: AttemptToken, _ number: UInt64, _ message: String) -> [WorkerEffect] {
        guard let attempt = attempts[token], let report = attempt.queue.first(where: { $0.number == number }) else {
            update(token) { $0.uploading = nil }
            return [.settle(token, report: number)]
        }
        // Nobody makes a deliverable anew once the trainer has ended.
        guard attempt.phase == .running || report.isStateOnly else { return uploadFailed(token, number, message) }
        update(token) { attempt in
            attempt.uploading = nil
            attempt.queue.removeAll { $0.number == number }
        }
        return [.settle(token, report: number), .log(WorkerLog(.info, message))]
    }
}

extension ReleaseReport.Reason {
    init(_ reason: StopReason) {
        self =
            switch reason {
            case .pause: .pause
            case .cancel: .cancel
            case .drain: .drain
            // It had nothing yet that could be a result: it goes on elsewhere.
            case .finish: .drain
            }
    }
}
