import Dispatch
import Foundation

/// Runs something on Ctrl-C or SIGTERM, then ends the program with the usual status.
final class InterruptHandler: Sendable {
    private let sources: [any DispatchSourceSignal & Sendable]

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
            return source as! any DispatchSourceSignal & Sendable
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }
}
