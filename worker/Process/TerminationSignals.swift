import CProcess
import Foundation
import Glibc
import Ports

/// SIGTERM and SIGINT: the first is a wish, the second ends the process at once (its guard then ends the
/// trainers). SIGTERM within a second of another is the same one: batch systems send it to every process of a
/// job, and the job's script hands it on.
enum TerminationSignals {
    /// From now on, for the rest of the process.
    static func watch(_ first: @escaping @Sendable () -> Void) {
        let descriptor = cprocess_watch_termination()
        guard descriptor >= 0 else { return }
        Thread.detachNewThread {
            var count = 0
            var number: UInt8 = 0
            var last: MonotonicTime?
            while true {
                let got = read(descriptor, &number, 1)
                if got < 0 && errno == EINTR { continue }
                if got != 1 { return }
                let now = SystemTime().monotonic()
                if Int32(number) == SIGTERM, let last, now - last < .seconds(1) { continue }
                last = now
                count += 1
                if count == 1 { first() } else { _exit(128 + Int32(number)) }
            }
        }
    }
}
