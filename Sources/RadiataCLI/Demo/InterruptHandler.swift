import Dispatch
import Foundation

/// Runs something on Ctrl-C or SIGTERM, then ends the program with the usual status.
///
/// Unchecked: the sources are made in `init` and only cancelled afterwards, which Dispatch allows from any thread.
final class InterruptHandler: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]

    init(_ action: @escaping @Sendable () -> Void) {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                Console.note("\nstopping; what was reported so far is in the ledger")
                action()
                exit(128 + number)
            }
            source.resume()
            return source
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }
}
