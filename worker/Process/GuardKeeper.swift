import Logging

/// The worker's guard process, started again should it die.
actor GuardKeeper {
    private let record: String
    private let logger: Logger
    private var held: TrainerGuard?

    init(record: String, logger: Logger) {
        self.record = record
        self.logger = logger
    }

    func current() throws -> TrainerGuard {
        if let held, !held.isGone { return held }
        if held != nil { logger.warning("the guard process died and is started again; its trainers ended with it") }
        let fresh = try TrainerGuard.start(record: record)
        held = fresh
        return fresh
    }

    func close() { held?.close() }
}
