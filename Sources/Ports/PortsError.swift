import Glibc

/// What the machine refused: a file, a folder, a lock, a piece of text that is not what it should be.
package struct PortsError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        case notFound, permission, diskFull, locked, tooLarge, malformed, inputOutput
    }

    package let code: Code
    /// Names the thing, what happened and, where there is one, the remedy.
    package let message: String

    package var description: String { message }

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The error of the system call that just failed on `path`.
    ///
    /// - Parameter action: what was tried, as "cannot \(action) PATH".
    package static func system(_ action: String, _ path: String, number: Int32 = errno) -> PortsError {
        let reason = String(cString: strerror(number))
        switch number {
        case ENOENT, ENOTDIR: return .init(.notFound, "cannot \(action) \(path): \(reason)")
        case EACCES, EPERM, EROFS: return .init(.permission, "cannot \(action) \(path): \(reason)")
        case ENOSPC, EDQUOT, EFBIG:
            return .init(.diskFull, "cannot \(action) \(path): \(reason); free some space there and try again")
        default: return .init(.inputOutput, "cannot \(action) \(path): \(reason)")
        }
    }
}
