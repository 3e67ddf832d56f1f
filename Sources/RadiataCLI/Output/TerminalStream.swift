import Foundation
import Ports

/// A standard stream as a screen, if it is one.
struct TerminalStream {
    let stream: StandardStream
    private let environment: [String: String]

    init(_ stream: StandardStream, environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.stream = stream
        self.environment = environment
    }

    /// Whether lines can be written over there. `TERM=dumb` says that they cannot.
    var isScreen: Bool { stream.isTerminal && environment["TERM"] != "dumb" && environment["TERM"] != nil }

    /// `NO_COLOR` with any text but the empty one turns colours off (no-color.org).
    var hasColor: Bool { isScreen && (environment["NO_COLOR"] ?? "").isEmpty }

    /// Columns and rows; 80 × 24 where the terminal does not say.
    var size: (columns: Int, rows: Int) {
        guard let size = stream.terminalSize else { return (80, 24) }
        return (max(20, size.columns), max(4, size.rows))
    }

    /// As it is, escapes included: what comes from elsewhere was made harmless before.
    func write(_ text: String) { Console.raw(text, to: stream) }
}
