import Dispatch
import Foundation

/// Runs something on Ctrl-C or SIGTERM, then ends the program with the usual status.
///
/// Unchecked: the sources are made in `init` and only cancelled afterwards, which Dispatch allows from any
/// thread.
final class InterruptHandler: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]

    /// - Parameters:
    ///   - notice: said at once, on a line of its own.
    ///   - action: whatever has to be done, or said, before the end.
    init(notice: String? = nil, _ action: @escaping @Sendable () -> Void = {}) {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if let notice { Console.note((Console.isTerminal ? "\n" : "") + notice) }
                action()
                _exit(128 + number)
            }
            source.resume()
            return source
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }
}
