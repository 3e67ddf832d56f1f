import Glibc

/// Standard output or standard error, written with `write(2)` alone: every failure is an error that can be
/// told, none ends the program by itself.
package enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    package enum Failure: Error, Equatable, Sendable {
        /// Whoever read it has gone, as `head` does after its lines.
        case readerGone
        /// `errno` of anything else: a full disk, a closed descriptor, a terminal that hung up.
        case system(Int32)
    }

    package var isTerminal: Bool { isatty(rawValue) == 1 }

    /// Columns and rows; nil for what is no terminal, or one that does not say.
    package var terminalSize: (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Writes all of it, however small the pieces that the other side takes.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) { try Self.write(bytes, to: rawValue) }

    package func write(_ text: String) throws(Failure) {
        var text = text
        // Typed errors do not pass through the standard library's closures.
        let result = text.withUTF8 { bytes -> Failure? in
            do throws(Failure) {
                try write(UnsafeRawBufferPointer(bytes))
                return nil
            } catch {
                return error
            }
        }
        if let result { throw result }
    }

    /// The same for any open descriptor.
    package static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count >= 0 {
                done += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Another program that shares the terminal or the pipe made it non-blocking.
                var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&place, 1, -1)
            case EPIPE: throw .readerGone
            default: throw .system(errno)
            }
        }
    }

    /// Takes the numbers 0 to 2 where the program was started without them (`>&-`). Otherwise the next file
    /// that is opened, a ledger say, would get one of them, and everything that is printed.
    package static func occupy() {
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) == -1 {
            // Opened for the other direction, so that printing there is still told to have failed.
            let opened = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
            if opened >= 0, opened != descriptor {
                dup2(opened, descriptor)
                close(opened)
            }
        }
    }
}
