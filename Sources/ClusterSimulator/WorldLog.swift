import Logging

/// What a simulated process logs goes into the world's trace.
// @unchecked: one thread uses a world and all that is in it.
struct WorldLog: LogHandler, @unchecked Sendable {
    let world: World
    let who: String
    let process: SimulatedProcess
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(_ world: World, _ who: String, _ process: SimulatedProcess, level: Logger.Level = .info) {
        logLevel = level
        self.world = world
        self.who = who
        self.process = process
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        if process.isAlive { world.trace("\(who): \(event.message)") }
    }
}
