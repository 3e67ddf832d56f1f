package import CoordinatorCore
package import Ports
package import SweepLedger
import SweepModel
import SweepWire

/// Runs a verb, now or later, and turns its outcome into the core's.
package protocol VerbRun {
    func run<Verb: LedgerVerb>(
        _ verb: Verb, _ translate: @escaping @Sendable (Verb.Outcome) throws -> LedgerOutcome)
}

/// Commands of the core as verbs of the ledger, and the ledger's answers as the core's.
package struct LedgerTranslator: Sendable {
    package init() {}

    /// Hands a command of the core to the ledger as a verb.
    ///
    /// - Parameter completion: called on the writer's thread after the commit, with the ledger's answer, or
    ///   what throws why nothing was stored.
    package func submit(
        _ command: LedgerCommand, to ledger: Ledger, now: WallTime,
        completion: @escaping @Sendable (_ outcome: @escaping @Sendable () throws -> LedgerOutcome) -> Void
    ) {
        let run = WriterRun(ledger: ledger, completion: completion)
        hand(command, of: ledger.id, ledger.epoch, now: now, to: run)
    }

    private struct WriterRun: VerbRun {
        let ledger: Ledger
        let completion: @Sendable (_ outcome: @escaping @Sendable () throws -> LedgerOutcome) -> Void

        func run<Verb: LedgerVerb>(
            _ verb: Verb, _ translate: @escaping @Sendable (Verb.Outcome) throws -> LedgerOutcome
        ) {
            let completion = completion
            ledger.writer.submit(verb) { result in completion { try translate(try result.get()) } }
        }
    }

    /// Makes the verb of a command.
    ///
    /// - Parameters:
    ///   - id: the ledger's, with its epoch.
    ///   - run: gets the verb.
    package func hand(
        _ command: LedgerCommand, of id: String, _ epoch: Int, now: WallTime, to run: some VerbRun
    ) {
        switch command {
        case .register(let request, let caller):
            let worker = RegisterWorker(worker: request.record, ledgerID: id, now: now)
            guard let caller else { return run.run(worker) { Self.registered($0) } }
            let owner = OwnWorker(
                worker: request.worker, session: request.session, token: caller.token,
                isAdmin: caller.isAdmin, key: request.key.map { ContentDigest.of($0).text }, now: now)
            run.run(AdmitWorker(owner: owner, worker: worker)) { outcome in
                switch outcome {
                case .registered(let worker): Self.registered(worker)
                case .foreign(let token, let hasKey): .foreign(token: token, hasKey: hasKey)
                }
            }
        case .exchange(let session, let worker, let number, let reports, let candidates):
            let verb = ExchangeVerb(
                session: session, worker: worker, number: number, reports: reports,
                candidates: candidates, ledgerID: id, epoch: epoch, now: now)
            run.run(verb) { .exchanged($0) }
        case .expire(let tokens):
            run.run(ExpireLeases(tokens: tokens, now: now)) { .expired($0) }
        case .revive(let tokens):
            run.run(ReviveAttempts(tokens: tokens, now: now)) { .revived($0.revived, superseded: $0.superseded) }
        case .goodbye(let worker, let session):
            run.run(SayGoodbye(worker: worker, session: session, now: now)) { _ in .noted }
        case .waiting(let place, let most):
            run.run(WaitingJobs(after: place, most: most, now: now)) { .waiting($0) }
        case .seen(let workers):
            run.run(NoteWorkersSeen(workers: workers, now: now)) { _ in .noted }
        }
    }

    private static func registered(_ worker: RegisterWorker.Outcome) -> LedgerOutcome {
        .registered(leftovers: worker.leftovers, worker.standing)
    }
}
