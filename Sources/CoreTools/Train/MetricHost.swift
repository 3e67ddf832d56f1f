import CoreEvaluation
import Foundation
import Glibc
import RunSpec

/// What an attempt asks of a host: one line of JSON on its socket.
struct MetricHostRequest: Codable {
    var metric: ExternalMetric
    var program: String
    var questions: [MetricQuestion]
}

/// What the host says, a line each; the last one has answers or a failure.
struct MetricHostReply: Codable {
    var log: String?
    var answers: [MetricAnswer]?
    var failure: String?
}

/// Keeps measuring programs running from one attempt to the next: a model is loaded once a slot, not once a
/// checkpoint. A worker starts it beside its trainers and ends it as one of them; who closes a connection
/// before its answer ends the program that was asked.
package final class MetricHost {
    private let listening: Int32
    private var programs: [ExternalMetric: MetricProgram] = [:]
    private let shouldStop: () -> Bool

    /// Programs of one host; a sweep has few.
    private static let mostPrograms = 8

    /// - Parameters:
    ///   - socket: a path in a folder that nobody else may enter.
    ///   - shouldStop: asked several times a second.
    /// - Throws: ``ExternalMetricError`` where it cannot be made.
    package init(socket path: String, shouldStop: @escaping () -> Bool) throws {
        self.shouldStop = shouldStop
        unlink(path)
        let made = try LocalSocket.make(path) { bind($0, $1, $2) }
        guard listen(made, 4) == 0 else {
            throw ExternalMetricError(message: "\(path): \(String(cString: strerror(errno)))")
        }
        listening = made
    }

    deinit { close(listening) }

    /// Answers one attempt after another, until it is asked to stop or nobody has asked for `idle` seconds.
    package func run(idle: Double) {
        let clock = SuspendingClock()
        var last = clock.now
        while !shouldStop(), last.duration(to: clock.now) < .seconds(idle) {
            var watched = pollfd(fd: listening, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, 200) > 0 else { continue }
            let connection = accept(listening, nil, nil)
            guard connection >= 0 else { continue }
            serve(LineSocket(connection))
            last = clock.now
        }
        for program in programs.values { program.end() }
    }

    private func serve(_ connection: LineSocket) {
        do {
            guard let line = try connection.line(shouldStop: shouldStop) else { return }
            let request = try JSONDecoder().decode(MetricHostRequest.self, from: Data(line))
            let listener = MetricListener(
                log: { text in connection.send(MetricHostReply(log: text)) },
                shouldStop: { [shouldStop] in shouldStop() || connection.isGone })
            let found = try program(of: request).answers(to: request.questions, listener)
            let answers = found.flatMap { id, answers in
                answers.map { MetricAnswer(id: id, image: nil, metric: $0.metric, value: $0.value, note: $0.note) }
            }
            connection.send(MetricHostReply(answers: answers))
        } catch {
            connection.send(MetricHostReply(failure: "\(error)"))
        }
    }

    private func program(of request: MetricHostRequest) -> MetricProgram {
        if let known = programs[request.metric] { return known }
        if programs.count >= Self.mostPrograms {
            for program in programs.values { program.end() }
            programs = [:]
        }
        let made = MetricProgram(request.metric, program: request.program)
        programs[request.metric] = made
        return made
    }
}

/// There is no host, or it has ended: it does by itself when nobody asks for a while.
struct MetricHostGone: Error {}

/// One question of an attempt to a host.
struct MetricHostCall {
    let socket: String

    /// A host that was just started makes its socket first.
    private static let patience = Duration.seconds(20)

    /// - Throws: ``MetricHostGone``; ``ExternalMetricError``; `EvaluationError` with `stopped`.
    func answers(to request: MetricHostRequest, _ listener: MetricListener) throws -> [Int: [MetricAnswer]] {
        let connection = LineSocket(try connected(listener))
        guard connection.send(request) else { throw MetricHostGone() }
        while let line = try connection.line(shouldStop: listener.shouldStop) {
            let reply = try JSONDecoder().decode(MetricHostReply.self, from: Data(line))
            if let text = reply.log { listener.log(text) }
            if let failure = reply.failure { throw ExternalMetricError(message: failure) }
            if let answers = reply.answers { return Dictionary(grouping: answers) { $0.id ?? 0 } }
        }
        if listener.shouldStop() {
            throw EvaluationError(code: .stopped, message: "asked to stop while \(request.metric.name) was measured")
        }
        throw MetricHostGone()
    }

    private func connected(_ listener: MetricListener) throws -> Int32 {
        let clock = SuspendingClock()
        let limit = clock.now + Self.patience
        while true {
            do {
                return try LocalSocket.make(socket) { connect($0, $1, $2) }
            } catch {
                guard clock.now < limit, !listener.shouldStop() else { throw MetricHostGone() }
                usleep(20_000)
            }
        }
    }
}

/// Sockets by path. Paths of sockets have 107 bytes at most, so the folder is named by its descriptor.
private enum LocalSocket {
    static func make(
        _ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws -> Int32 {
        let url = URL(fileURLWithPath: path)
        let folder = open(url.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        let made = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { if folder >= 0 { close(folder) } }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array("/proc/self/fd/\(folder)/\(url.lastPathComponent)".utf8)
        guard folder >= 0, made >= 0, name.count < MemoryLayout.size(ofValue: address.sun_path) else {
            if made >= 0 { close(made) }
            throw ExternalMetricError(message: "\(path): cannot be a socket (\(String(cString: strerror(errno))))")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                use(made, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else {
            let text = String(cString: strerror(errno))
            close(made)
            throw ExternalMetricError(message: "\(path): \(text)")
        }
        return made
    }
}

/// Lines of JSON both ways. Not for several threads.
private final class LineSocket {
    private let descriptor: Int32
    private var rest: [UInt8] = []

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Whether the other side has closed it.
    var isGone: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 0
    }

    /// - Returns: false where the other side is gone, or for a value that JSON has no form for.
    @discardableResult
    func send(_ value: some Encodable) -> Bool {
        guard var bytes = try? Array(JSONEncoder().encode(value)) else { return false }
        bytes.append(10)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 { sent += count } else if errno != EINTR { return false }
        }
        return true
    }

    /// - Returns: nil at the end, or when asked to stop.
    func line(shouldStop: () -> Bool) throws -> [UInt8]? {
        var looked = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if let end = rest[looked...].firstIndex(of: 10) {
                defer { rest.removeSubrange(...end) }
                return Array(rest[..<end])
            }
            looked = rest.count
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, 100) > 0 else {
                if shouldStop() { return nil }
                continue
            }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 { return nil }
            if count > 0 {
                rest += buffer[..<count]
            } else if errno != EINTR {
                return nil
            }
        }
    }
}
