import CProcess
import Foundation
import Glibc

/// SIGTERM and SIGINT: the first is a wish, the second ends the process at once (its guard then ends the
/// trainers).
enum TerminationSignals {
    /// From now on, for the rest of the process.
    static func watch(_ first: @escaping @Sendable () -> Void) {
        let descriptor = cprocess_watch_termination()
        guard descriptor >= 0 else { return }
        Thread.detachNewThread {
            var count = 0
            var number: UInt8 = 0
            while true {
                let got = read(descriptor, &number, 1)
                if got < 0 && errno == EINTR { continue }
                if got != 1 { return }
                count += 1
                if count == 1 { first() } else { _exit(128 + Int32(number)) }
            }
        }
    }
}
