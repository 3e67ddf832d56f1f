package import CoordinatorCore
import Foundation
package import Ports
import RunSpec
package import SweepLedger
import SweepModel
package import SweepWire
import Synchronization

/// Between the ledger's values and those of the wire and the core.
package final class LedgerTranslator: Sendable {
    // The same few texts for a million jobs.
    private let requirements = Mutex<[String: RequirementSpec]>([:])

    package init() {}

    func record(_ request: RegisterRequest) -> WorkerRecord {
        WorkerRecord(
            id: request.worker, name: request.name, session: request.session.rawValue, slots: request.slots,
            threads: request.threads, gpus: request.gpus, memory: request.memory, labels: request.labels,
            version: request.version, coreVersions: request.coreVersions)
    }

    static func standing(_ state: WorkerState) -> WorkerStanding {
        switch state {
        case .active: .active
        case .draining: .draining
        }
    }

    static func report(_ report: Report) -> LedgerReport {
        switch report.body {
        case .checkpoint(let value):
            LedgerReport(
                token: report.token,
                .checkpoint(name: value.name, manifest: value.manifest, position: value.streamPosition))
        case .evaluations(let value):
            LedgerReport(token: report.token, .evaluations(rows: value.rows, completed: value.completed))
        case .artifacts(let value):
            LedgerReport(
                token: report.token,
                .artifacts(
                    value.rows.map {
                        StoredArtifactFile(
                            checkpoint: $0.checkpoint, kind: $0.kind, name: $0.name, sha256: $0.sha256, bytes: $0.bytes)
                    }))
        case .log(let value):
            LedgerReport(
                token: report.token,
                .log(
                    LogPiece(
                        offset: value.offset, text: value.text, line: value.line, notices: value.notices ?? [])))
        case .finished(let value): LedgerReport(token: report.token, .finished(position: value.streamPosition))
        case .failed(let value):
            LedgerReport(token: report.token, .failed(value.failure, message: value.message, exitCode: value.exitCode))
        case .released(let value): LedgerReport(token: report.token, .released(paused: value.reason == .pause))
        }
    }

    package func news(_ change: JobChange) throws -> JobNews {
        JobNews(
            row: change.job, job: change.identity, state: change.state, priority: change.priority,
            needs: try needs(change.requirements), delaySeconds: change.delaySeconds, avoid: change.avoid,
            isHeld: change.isHeld, ended: change.ended)
    }

    package func outcome(_ outcome: ExchangeVerb.Outcome) throws -> ExchangeOutcome {
        ExchangeOutcome(
            outcomes: outcome.results.map(Self.outcome), news: try outcome.changes.map(news),
            claims: try outcome.claims.map { claim in
                ExchangeOutcome.Claim(
                    row: claim.job, priority: claim.priority, needs: try needs(claim.requirements),
                    grant: Self.grant(claim))
            }, leftCandidates: outcome.leftCandidates, workers: outcome.workers.map(Self.change))
    }

    private static func change(_ news: WorkerNews) -> WorkerChange {
        switch news {
        case .suspended(let worker, let seconds): .suspended(worker, pauseSeconds: seconds)
        case .lifted(let worker): .lifted(worker)
        }
    }

    private static func outcome(_ result: ReportResult) -> ReportOutcome {
        switch result {
        case .accepted: .accepted
        case .superseded: .superseded
        case .gap(let expected): ReportOutcome(.gap, expected: expected)
        case .missingBlobs(let blobs): ReportOutcome(.missingBlobs, blobs: blobs)
        case .refused(let message): ReportOutcome(.refused, message: message)
        case .notTried: ReportOutcome(.notTried)
        }
    }

    private static func grant(_ claim: ClaimedJob) -> Grant {
        func files(_ checkpoint: StoredCheckpoint) -> [BlobFile] {
            checkpoint.files.map { BlobFile(name: $0.name, sha256: $0.sha256, bytes: $0.bytes) }
        }
        return Grant(
            token: claim.token, jobText: claim.spec, leaseSeconds: 0,
            resume: claim.resume.map {
                ResumePoint(checkpoint: $0.name, step: $0.step, epoch: $0.epoch, files: files($0))
            },
            trained: claim.trained.map {
                TrainedCheckpoint(name: $0.name, step: $0.step, epoch: $0.epoch, isFinal: $0.isFinal, files: files($0))
            }, evaluated: claim.evaluated)
    }

    package func start(_ snapshot: LedgerSnapshot, wall: WallTime) throws -> CoordinatorStart {
        CoordinatorStart(
            waiting: snapshot.waiting.map { job in
                JobNews(
                    row: job.job, job: job.identity, state: .waiting, priority: job.priority, needs: job.requirements,
                    // The wall clock may have jumped: nobody waits longer than the longest backoff.
                    delaySeconds: min(900, max(0, Double((job.readyAt ?? 0) - wall.milliseconds) / 1000)),
                    avoid: job.avoid)
            },
            open: snapshot.open.map { attempt in
                CoordinatorStart.OpenAttempt(
                    token: attempt.token, session: SessionID(rawValue: attempt.session), worker: attempt.worker,
                    news: JobNews(
                        row: attempt.job, job: attempt.token.job, state: attempt.isExpired ? .waiting : .running,
                        priority: attempt.priority, needs: attempt.requirements),
                    isExpired: attempt.isExpired, isPausing: attempt.isPausing)
            },
            workers: snapshot.workers.map { worker in
                let record = worker.record
                return CoordinatorStart.Worker(
                    registration: RegisterRequest(
                        worker: record.id, name: record.name, session: SessionID(rawValue: record.session),
                        slots: record.slots, threads: record.threads, labels: record.labels, gpus: record.gpus,
                        memory: record.memory, version: record.version, coreVersions: record.coreVersions),
                    standing: Self.standing(worker.state), exchanges: worker.exchanges,
                    // The wall clock may have jumped: nobody is suspended longer than their pause.
                    trialInSeconds: worker.trialAt.map {
                        min(worker.pauseSeconds, max(0, Double($0 - wall.milliseconds) / 1000))
                    }, silentSeconds: Double(wall.milliseconds - worker.lastSeen) / 1000, hasLeft: worker.hasLeft)
            })
    }

    private func needs(_ text: String) throws -> RequirementSpec {
        if let known = requirements.withLock({ $0[text] }) { return known }
        let spec = try WireJSON.decode(RequirementSpec.self, from: Data(text.utf8))
        requirements.withLock { known in
            if known.count > 1000 { known.removeAll() }
            known[text] = spec
        }
        return spec
    }
}

extension WireError {
    /// What a peer is told of an error: the ledger's own words, but nothing of what is inside.
    package static func from(_ error: any Error) -> WireError {
        switch error {
        case let error as WireError: return error
        case let error as LedgerError:
            let code: Code =
                switch error.code {
                case .notFound: .notFound
                case .ambiguous, .conflict, .locked: .conflict
                case .query, .invalid: .badRequest
                case .diskFull: .diskFull
                // After an error of the disk the same request may succeed, here or after a restart; nobody's job is at fault.
                case .closed, .inputOutput: .unavailable
                case .unreadable, .notALedger, .newerSchema, .notDurable: .internalFault
                }
            let retry: Double? =
                switch error.code {
                case .closed: 1
                case .diskFull, .inputOutput: 5
                default: nil
                }
            return WireError(
                error == LaunchSweep.keyReused ? .keyReused : code, error.message, retryAfter: retry)
        default: return WireError(.internalFault, "the coordinator met an error; its log says more")
        }
    }
}
