import Logging
import Synchronization

/// The worker's guard process, started again should it die.
final class GuardKeeper: Sendable {
    private let record: String
    private let logger: Logger
    private let held = Mutex<TrainerGuard?>(nil)

    init(record: String, logger: Logger) {
        self.record = record
        self.logger = logger
    }

    func current() throws -> TrainerGuard {
        try held.withLock { held in
            if let held, !held.isGone { return held }
            if held != nil { logger.warning("the guard process died and is started again; its trainers ended with it") }
            let fresh = try TrainerGuard.start(record: record)
            held = fresh
            return fresh
        }
    }

    func close() { held.withLock { $0 }?.close() }
}
