package import CoordinatorCore
import Ports
package import SweepWire

/// The calls that workers make most, for a server that waits without a task.
extension Operations {
    /// - Parameter answer: called once, on any thread; on this one where the answer is known at once.
    /// - Returns: the request's id, by which a long poll whose caller goes away is given up
    ///   (`CoordinatorEngine.abandon`).
    /// - Throws: `WireError`; then nothing was done.
    package func exchange(
        _ request: ExchangeRequest, _ principal: Principal,
        answer: @escaping @Sendable (Result<ExchangeResponse, any Error>) -> Void
    ) throws -> ReplyID {
        try check(request, principal)
        return engine.ask {
            .exchange(request, $0)
        } answer: { reply in
            guard case .exchanged(let response) = reply else { return answer(.failure(Self.error(reply))) }
            answer(.success(response))
        }
    }

    /// The same for a heartbeat.
    package func heartbeat(
        _ request: HeartbeatRequest, _ principal: Principal,
        answer: @escaping @Sendable (Result<HeartbeatResponse, any Error>) -> Void
    ) throws -> ReplyID {
        try workerSessions.check(request.session, principal)
        return engine.ask {
            .heartbeat(request, $0)
        } answer: { reply in
            answer(Result { try heard(request, reply) })
        }
    }

    /// - Throws: `WireError`.
    func check(_ request: ExchangeRequest, _ principal: Principal) throws {
        guard request.reports.count <= WireLimit.reports, request.waitSeconds.isFinite else {
            throw WireError(.badRequest, "exchange: \(request.reports.count) reports, at most \(WireLimit.reports)")
        }
        try workerSessions.check(request.session, principal)
    }

    /// Notes how far the attempts are.
    ///
    /// - Throws: `WireError`.
    func heard(_ request: HeartbeatRequest, _ reply: CoordinatorReply) throws -> HeartbeatResponse {
        guard case .heartbeat(var response) = reply else { throw Self.error(reply) }
        response.watchedSeconds = progress.note(request.attempts, response.verdicts, now: engine.time.monotonic())
        return response
    }
}

extension ExchangeRequest {
    /// Whether it is a long poll.
    package var mayWait: Bool { reports.isEmpty && freeSlots > 0 && waitSeconds > 0 }
}
