import Logging
import Ports
import SweepClient
import SweepWire

extension ClientError {
    /// The request itself is at fault: sent again it is refused again.
    var isOfRequest: Bool {
        switch code {
        case .refused(.badRequest), .refused(.tooLarge), .refused(.keyReused): true
        default: false
        }
    }

    /// Whether the answer is one that waiting does not change; someone must do something first.
    fileprivate var isFinal: Bool {
        switch code {
        case .refused(.unauthorized), .refused(.forbidden), .refused(.upgrade), .refused(.conflict), .refused(.gap),
            .refused(.superseded), .refused(.unknownSession), .local:
            true
        default: isOfRequest
        }
    }
}

extension WorkerSession {
    /// How long an address may be silent before that is told.
    private static let silence: Duration = .seconds(5)
    private static let retold: Duration = .seconds(60)

    /// Calls until there is an answer that counts, more and more slowly and never twice within a second;
    /// tells at once why there is none, and then once a minute, or when the reason changes.
    ///
    /// - Parameters:
    ///   - isSilent: whether a missing answer is told elsewhere (by the heartbeat).
    ///   - tries: most tries; nil for no end.
    /// - Throws: the error of a refusal that repeating would not change.
    func insist<Answer: Sendable>(
        _ what: String, isSilent: Bool = true, atMost tries: Int? = nil,
        _ call: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let heard = Gate()
        async let _: Void = isSilent ? () : tellSilence(unless: heard)
        defer { heard.open() }
        var failures = 0
        var told: (reason: String, at: MonotonicTime)?
        while true {
            do {
                let answer = try await call()
                if told != nil { logger.info("\(what): the coordinator answers again") }
                return answer
            } catch let error as ClientError where !error.isFinal {
                failures += 1
                if let tries, failures >= tries { throw error }
                heard.open()
                let now = time.monotonic()
                // "after 12 ms" is no other reason than "after 13 ms".
                let reason = error.message.filter { !$0.isNumber }
                if told.map({ $0.reason != reason || now - $0.at >= Self.retold }) ?? true {
                    logger.warning("\(what): \(error.message); trying again")
                    told = (reason, now)
                }
                try await time.sleep(
                    for: .seconds(1)
                        + configuration.random.fullJitter(
                            attempt: failures, base: .seconds(1), cap: .seconds(30)))
            }
        }
    }

    private func tellSilence(unless heard: Gate) async {
        do {
            try await time.sleep(for: Self.silence)
            guard !heard.isOpen else { return }
            logger.warning("\(client.address) has not answered for 5 s; trying on")
        } catch {
            return  // it answered, or refused
        }
    }
}
