/// A program to start in a session of its own.
struct ProcessOrder: Sendable {
    /// Path, or a name looked up in the worker's PATH.
    var program: String
    /// `arguments[0]` is what the program is told it was called.
    var arguments: [String]
    var environment: [String: String]
    var folder: String
    /// Gets standard error, and standard output unless `output` is given; appended.
    var log: String
    var output: String?
    /// Gets "PID START_TICKS" before the program runs.
    var record: String
    var stopSignal: Int32 = 15
    /// From the stop signal to SIGKILL.
    var grace: Duration = .seconds(30)
}
