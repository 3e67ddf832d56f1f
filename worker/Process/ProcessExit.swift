import CProcess
import RunSpec

/// How a child process ended.
package struct ProcessExit: Equatable, Sendable {
    /// As wait(2) gives it.
    package let status: Int32
    package let userSeconds: Double
    package let systemSeconds: Double
    package let maxResidentBytes: UInt64

    init(_ event: cprocess_event) {
        status = event.status
        userSeconds = Double(event.user_microseconds) / 1e6
        systemSeconds = Double(event.system_microseconds) / 1e6
        maxResidentBytes = event.max_resident_kilobytes * 1024
    }

    package init(code: Int32) { self.init(status: code << 8) }

    package init(signal: Int32) { self.init(status: signal) }

    init(status: Int32) {
        self.status = status
        userSeconds = 0
        systemSeconds = 0
        maxResidentBytes = 0
    }

    /// It ended by its own will, done or stopped: what it left is whole.
    var isPolite: Bool { code == TrainerExit.done || code == TrainerExit.stopped }
    /// nil if a signal ended it.
    package var code: Int32? { cprocess_exited(status) != 0 ? cprocess_exit_code(status) : nil }
    /// nil if it ended by itself.
    package var signal: Int32? { cprocess_exited(status) != 0 ? nil : cprocess_signal(status) }
}
