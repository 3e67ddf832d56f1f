import Foundation
import Glibc

/// A child process with pipes for its three streams, none of which can block whoever holds it.
final class MetricProcess {
    struct End {
        let text: String
        let isGood: Bool
    }

    private let process = Process()
    private var input: Int32
    private let output: Int32
    private let errors: Int32
    private var outputRest: [UInt8] = []
    private var errorRest: [UInt8] = []
    private var outputIsOver = false
    /// What it answers each question with, where it has said that it stays.
    private(set) var staying: Set<String>?

    /// A variable that tells a program that it may stay.
    private static let staying = "RADIATA_METRIC_STAYS"
    /// Waited for in one turn.
    private static let pace: Int32 = 20
    private static let grace = Duration.seconds(5)
    /// Read of a stream in one turn, in bytes: who writes faster than he is heard waits.
    private static let mouthful = 1 << 20
    /// A line of its output has at most so many bytes; so many of its complaints make a line of their own.
    static let longestLine = 16 << 20
    private static let longestComplaint = 1 << 16

    /// - Throws: what Foundation says of a program that cannot be started; `POSIXError` without descriptors.
    init(path: String, arguments: [String], environment: [String: String]) throws {
        var ends: [(read: Int32, write: Int32)] = []
        do {
            for _ in 0..<3 { ends.append(try Self.pipe()) }
        } catch {
            for end in ends { _ = (close(end.read), close(end.write)) }
            throw error
        }
        let (input, output, errors) = (ends[0], ends[1], ends[2])
        self.input = input.write
        self.output = output.read
        self.errors = errors.read
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            .merging([Self.staying: "1"]) { $1 }
        process.standardInput = FileHandle(fileDescriptor: input.read)
        process.standardOutput = FileHandle(fileDescriptor: output.write)
        process.standardError = FileHandle(fileDescriptor: errors.write)
        defer { for mine in [input.read, output.write, errors.write] { close(mine) } }
        do {
            try process.run()
        } catch {
            for mine in [input.write, output.read, errors.read] { close(mine) }
            self.input = -1
            isClosed = true
            throw error
        }
        for mine in [input.write, output.read, errors.read] {
            _ = fcntl(mine, F_SETFL, fcntl(mine, F_GETFL) | O_NONBLOCK)
        }
    }

    deinit { release() }

    private var isClosed = false

    private func release() {
        guard !isClosed else { return }
        isClosed = true
        closeInput()
        close(output)
        close(errors)
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw POSIXError(POSIXError.Code(rawValue: errno) ?? .EMFILE) }
        // No other child holds its ends open: else nobody would find the end of the input.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Whether more can be asked.
    var isAsking: Bool { input >= 0 }

    /// Whether the program has taken all that was written to it.
    var hasReadAll: Bool {
        guard input >= 0 else { return false }
        var waiting: Int32 = 0
        return ioctl(input, UInt(FIONREAD), &waiting) == 0 && waiting == 0
    }

    /// Whether nothing more will be heard. Of one that has ended, what it left running may hold its output
    /// open: that is not waited for.
    var isOver: Bool {
        guard !isRunning else { return false }
        if outputIsOver { return true }
        let seen = seenEnded ?? clock.now
        seenEnded = seen
        return seen.duration(to: clock.now) > Self.grace
    }

    private let clock = SuspendingClock()
    /// When it was first seen that it has ended, with its output still open.
    private var seenEnded: SuspendingClock.Instant?

    /// A line that does not end: nobody means it as an answer.
    var isRambling: Bool { outputRest.count > Self.longestLine }

    /// nil while it runs.
    var ended: End? {
        guard let (status, isExit) = exit else { return nil }
        guard isExit else { return End(text: "was ended by signal \(status)", isGood: false) }
        return End(text: "exited with code \(status)", isGood: status == 0)
    }

    private var isRunning: Bool { exit == nil }

    /// Its code, or the signal that ended it. Foundation hears of an end by a descriptor that the program
    /// hands on to all that it starts; what it left running would be waited for. The kernel knows better.
    private var exit: (status: Int32, isExit: Bool)? {
        guard process.isRunning else { return (process.terminationStatus, process.terminationReason == .exit) }
        var info = siginfo_t()
        let look = WEXITED | WNOHANG | WNOWAIT
        guard waitid(P_PID, id_t(process.processIdentifier), &info, look) == 0, info.si_signo == SIGCHLD else {
            return nil
        }
        return (info._sifields._sigchld.si_status, info.si_code == CLD_EXITED)
    }

    func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// Writes as much of the input as it takes, reads what there is, and waits a moment where there is
    /// nothing.
    func turn(_ bytes: inout [UInt8]) throws {
        var watched = [pollfd(fd: errors, events: Int16(POLLIN), revents: 0)]
        if !outputIsOver { watched.append(pollfd(fd: output, events: Int16(POLLIN), revents: 0)) }
        if !bytes.isEmpty, input >= 0 { watched.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
        // With its output at the end there is only its own end to wait for.
        if outputIsOver { usleep(1000) }
        _ = poll(&watched, nfds_t(watched.count), outputIsOver ? 0 : Self.pace)
        if !bytes.isEmpty, input >= 0 {
            let count = Self.quietly { write(input, bytes, min(bytes.count, 1 << 16)) }
            if count > 0 {
                bytes.removeFirst(count)
            } else if count < 0, errno != EAGAIN, errno != EINTR {
                // It reads no more: how it ends says why.
                closeInput()
            }
        }
        if !outputIsOver, Self.read(output, into: &outputRest) { outputIsOver = true }
        // After the output: what it complained about came before its end.
        _ = Self.read(errors, into: &errorRest)
    }

    /// A write to a pipe that nobody reads is an error like any other, not the end of this process.
    private static func quietly(_ write: () -> Int) -> Int {
        var (pipe, before) = (sigset_t(), sigset_t())
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        let count = write()
        let problem = errno
        if count < 0, problem == EPIPE {
            var now = timespec()
            _ = sigtimedwait(&pipe, nil, &now)
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        errno = problem
        return count
    }

    /// - Returns: whether the other end is closed.
    private static func read(_ descriptor: Int32, into rest: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let limit = rest.count + mouthful
        while rest.count < limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 {
                rest += buffer[..<count]
            } else if count == 0 {
                return true
            } else if errno != EINTR {
                return errno != EAGAIN
            }
        }
        return false
    }

    func takeLines() -> [String] { Self.lines(of: &outputRest, all: outputIsOver || isOver) }

    func takeErrors() -> [String] {
        Self.lines(of: &errorRest, all: !isRunning || errorRest.count > Self.longestComplaint)
    }

    private static func lines(of rest: inout [UInt8], all: Bool) -> [String] {
        var lines: [String] = []
        var start = 0
        while let end = rest[start...].firstIndex(of: 10) {
            lines.append(String(decoding: rest[start..<end], as: UTF8.self))
            start = end + 1
        }
        rest.removeSubrange(..<start)
        if all, !rest.isEmpty {
            lines.append(String(decoding: rest, as: UTF8.self))
            rest = []
        }
        return lines.filter { !$0.isEmpty }
    }

    /// Whether a line is the program's greeting, which says that it stays.
    func greets(_ line: String, name: String) -> Bool {
        struct Greeting: Decodable {
            var ready: Bool
            var metrics: [String]?
        }
        // A line that only looks like a greeting is output.
        guard staying == nil, line.contains("\"ready\""),
            let greeting = try? JSONDecoder().decode(Greeting.self, from: Data(line.utf8)), greeting.ready
        else { return false }
        staying = Set(greeting.metrics ?? [name])
        return true
    }

    private func waitForEnd(_ limit: Duration) {
        let end = clock.now + limit
        while isRunning, clock.now < end { usleep(10_000) }
    }

    /// Its whole group: a shell before it must not leave it behind.
    func end() {
        let pid = process.processIdentifier
        if isRunning {
            if kill(-pid, SIGTERM) != 0 { kill(pid, SIGTERM) }
            waitForEnd(Self.grace)
            if isRunning {
                if kill(-pid, SIGKILL) != 0 { kill(pid, SIGKILL) }
                waitForEnd(Self.grace)
            }
        }
        // What it left in its group; while Foundation has not reaped it, the number is still its own.
        if process.isRunning { kill(-pid, SIGKILL) }
        release()
    }
}
