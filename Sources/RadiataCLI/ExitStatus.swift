import ArgumentParser

/// The program's exit codes (docs/reference/exit-codes.md); scripts rely on them.
package enum ExitStatus: Int32, Sendable {
    case done = 0
    case failed = 1
    /// Wrong options, or an input file refused before anything was done.
    case usage = 2
    case notFound = 3
    case unreachable = 4

    var code: ExitCode { ExitCode(rawValue) }
}

/// A failure with a message for people and the code for scripts.
struct CommandFailure: Error, CustomStringConvertible {
    let status: ExitStatus
    let description: String

    init(_ status: ExitStatus, _ description: String) {
        self.status = status
        self.description = description
    }
}
