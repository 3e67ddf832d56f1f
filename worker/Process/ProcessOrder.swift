/// A program to start in a session of its own.
package struct ProcessOrder: Sendable {
    /// Path, or a name looked up in the worker's PATH.
    package var program: String
    /// `arguments[0]` is what the program is told it was called.
    package var arguments: [String]
    package var environment: [String: String]
    package var folder: String
    /// Gets standard error, and standard output unless `output` is given; appended.
    package var log: String
    package var output: String?
    /// Gets "PID START_TICKS" before the program runs.
    package var record: String
    package var stopSignal: Int32
    /// From the stop signal to SIGKILL.
    package var grace: Duration

    package init(
        program: String, arguments: [String], environment: [String: String], folder: String, log: String,
        output: String? = nil, record: String, stopSignal: Int32 = 15, grace: Duration = .seconds(30)
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
        self.log = log
        self.output = output
        self.record = record
        self.stopSignal = stopSignal
        self.grace = grace
    }
}
