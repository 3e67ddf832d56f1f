import CoordinatorOperations
import NIOCore
import SweepLedger
import SweepWire
import Synchronization

/// The answer of one query on its way to the client: rows leave as they come, and nothing of it is kept.
///
/// Whoever reads slowly slows down his query only. It ends with its last piece, when the client goes away, or
/// after ``longest``, whatever the client does.
final class QueryStream: Sendable {
    private struct State {
        var text = QueryResponseText()
        var hasAnswered = false
        var isOver = false
    }

    /// From the beginning to the last byte sent.
    static let longest: Duration = .seconds(90)
    /// Collected before the answer begins, so that what fails early has its status.
    private static let first = 256 << 10
    private static let piece = 64 << 10

    private let process: QueryProcess
    private let pass: QueryGate.Pass
    private let state = Mutex(State())

    /// Starts the query.
    static func begin(_ query: ReadOnlyQuery, _ sql: String, _ pass: QueryGate.Pass) async throws -> AnswerStream {
        let stream = try await BlockingWork.query { QueryStream(try QueryProcess(query, sql), pass) }
        let watch = Task { [weak stream] in
            try await Task.sleep(for: longest)
            stream?.end()
        }
        return AnswerStream(contentType: "application/json") {
            let bytes = try await BlockingWork.query { try stream.next() }
            if bytes == nil { watch.cancel() }
            return bytes.map { ByteBuffer(bytes: $0) }
        }
    }

    private init(_ process: QueryProcess, _ pass: QueryGate.Pass) {
        self.process = process
        self.pass = pass
    }

    private func end() {
        process.close()
        pass.leave()
    }

    /// Blocks until there is something to send; nil at the end.
    private func next() throws -> [UInt8]? {
        try state.withLock { state in
            guard !state.isOver else { return nil }
            let wanted = state.hasAnswered ? Self.piece : Self.first
            do {
                while !state.isOver, state.text.bytes.count < wanted {
                    switch try process.next() {
                    case .columns(let names): state.text.begin(names)
                    case .row(let values): state.text.add(values)
                    case .end(let isTruncated):
                        state.text.end(isTruncated: isTruncated)
                        state.isOver = true
                    }
                }
            } catch {
                end()
                guard state.hasAnswered else { throw error }
                state.text.end(isTruncated: true, error: WireError.from(error))
                state.isOver = true
            }
            if state.isOver { end() }
            state.hasAnswered = true
            return state.text.take()
        }
    }
}
