import CSQLiteExtras
import Foundation
import Glibc
import Synchronization

/// The running process of one query. It ends with its answer, at its deadline, or when this value goes away.
package final class QueryProcess: Sendable {
    private struct State {
        var pid: pid_t
        let channel: Int32
        var isOpen = true
        var frames = QueryFrames()
        var isOver = false
        /// Milliseconds that it may still compute while it is waited for.
        var left: Int64
    }

    /// What a helper may take to begin and to end, beyond the time of its query.
    private static let grace: Int64 = 1000

    private let state: Mutex<State>

    /// Starts it, or takes one that was started ahead, and hands the query over.
    ///
    /// - Throws: `LedgerError` `inputOutput` if the helper cannot be started.
    package init(_ query: ReadOnlyQuery, _ sql: String) throws {
        let request = QueryRequestBytes(query, sql).bytes
        // A spare one may have been ended by the system.
        var helper = query.spares?.take()
        if let spare = helper, cse_helper_send(spare.channel, request, request.count) != 0 {
            spare.end()
            helper = nil
        }
        let own: QueryHelper
        if let helper {
            own = helper
        } else {
            own = try QueryHelper(path: query.path)
            // What it has to say about a request it did not read to the end comes with its answer.
            _ = cse_helper_send(own.channel, request, request.count)
        }
        cse_helper_sent(own.channel)
        state = Mutex(State(pid: own.pid, channel: own.channel, left: query.milliseconds + Self.grace))
        query.spares?.prepare()
    }

    deinit { close() }

    /// The next piece of the answer. Blocks; one caller at a time.
    ///
    /// - Throws: `LedgerError` `query` with SQLite's message, or what limit was met. The process has ended
    ///   then.
    package func next() throws -> QueryPiece {
        try state.withLock { state in
            do {
                guard state.isOpen, !state.isOver else { throw LedgerError(.query, "the query is over") }
                while true {
                    if let piece = try state.frames.next() {
                        if case .end = piece { state.isOver = true }
                        return piece
                    }
                    try Self.receive(&state)
                }
            } catch {
                Self.close(&state)
                throw error
            }
        }
    }

    /// Ends it if it runs.
    package func close() { state.withLock { Self.close(&$0) } }

    private static func receive(_ state: inout State) throws {
        let clock = ContinuousClock()
        let started = clock.now
        let got = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { room -> Int in
            let count = cse_helper_receive(state.channel, room.baseAddress, room.count, max(0, state.left))
            if count > 0 { state.frames.append(Array(room[..<count])[...]) }
            return count
        }
        state.left -= Int64((clock.now - started) / .milliseconds(1))
        switch got {
        case 1...: return
        case 0: throw ended(&state)
        case -Int(ETIMEDOUT): throw LedgerError(.query, "the query ran out of time")
        default:
            throw LedgerError(
                .inputOutput, "the query's process cannot be heard (\(String(cString: strerror(Int32(-got)))))")
        }
    }

    /// Why it ended without a last word: the kernel kept one of its limits.
    private static func ended(_ state: inout State) -> LedgerError {
        var status: Int32 = 0
        _ = cse_helper_reap(state.pid, 1, &status)
        state.pid = 0
        switch status & 0x7F {
        case SIGALRM, SIGXCPU: return LedgerError(.query, "the query ran out of time")
        case SIGKILL: return LedgerError(.query, "the query was ended by the system, as a rule for want of memory")
        case 0: return LedgerError(.inputOutput, "the query's process ended with \(status >> 8 & 0xFF)")
        case let signal: return LedgerError(.query, "the query's process was ended by signal \(signal)")
        }
    }

    private static func close(_ state: inout State) {
        guard state.isOpen else { return }
        state.isOpen = false
        Glibc.close(state.channel)
        guard state.pid > 0 else { return }
        cse_helper_kill(state.pid)
        // A moment, in which its memory is given back. A dead child that nobody has asked about stays in the
        // way of whoever waits for any child.
        var status: Int32 = 0
        _ = cse_helper_reap(state.pid, 1, &status)
        state.pid = 0
    }
}
