import CSQLiteExtras
import Foundation
import Glibc
import Synchronization

/// A helper process that has opened a ledger and waits for its query.
struct QueryHelper: Sendable {
    let pid: pid_t
    let channel: Int32

    private static let name = "radiata-query"

    /// - Throws: `LedgerError` `inputOutput` if it cannot be started.
    init(path: String) throws {
        let program = try Self.program()
        var channel: Int32 = -1
        pid = cse_helper_start(program, &channel)
        guard pid > 0 else {
            throw LedgerError(.inputOutput, "\(program) cannot be started (\(String(cString: strerror(-pid))))")
        }
        self.channel = channel
        let bytes = QueryRequestBytes(path: path).bytes
        _ = cse_helper_send(channel, bytes, bytes.count)
    }

    func end() {
        close(channel)
        cse_helper_kill(pid)
        var status: Int32 = 0
        _ = cse_helper_reap(pid, 1, &status)
    }

    /// Where the program is: beside this one.
    ///
    /// - Throws: `LedgerError` `inputOutput` that says where it was looked for.
    private static func program() throws -> String {
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        // The program may have been replaced by a newer one while it runs.
        let program = (link ?? CommandLine.arguments[0]).replacingOccurrences(of: " (deleted)", with: "")
        let folder = (program as NSString).deletingLastPathComponent
        let places = ["\(folder)/\(name)", "\(folder)/../libexec/radiata/\(name)"]
        guard let found = places.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw LedgerError(
                .inputOutput, "\(name) is not beside \(program): queries need it; install the whole folder again")
        }
        return found
    }
}

/// Helpers started ahead. Starting one and reading the schema of a ledger takes several milliseconds of a
/// core, which nobody waits for while another query is being computed. A class: queries come on many threads.
package final class QuerySpares: Sendable {
    private struct State {
        var waiting: [QueryHelper] = []
        var isClosed = false
    }

    /// As many as one client asks for at the same time.
    private static let most = 2

    private let path: String
    private let state = Mutex(State())

    init(path: String) { self.path = path }

    deinit { close() }

    /// Those that wait now.
    package var processes: [Int32] { state.withLock { $0.waiting.map(\.pid) } }

    func take() -> QueryHelper? { state.withLock { $0.waiting.popLast() } }

    /// Starts what is missing. One that cannot be started is told to who asks for it.
    package func prepare() {
        while state.withLock({ !$0.isClosed && $0.waiting.count < Self.most }) {
            guard let helper = try? QueryHelper(path: path) else { return }
            let isKept = state.withLock { state in
                guard !state.isClosed, state.waiting.count < Self.most else { return false }
                state.waiting.insert(helper, at: 0)
                return true
            }
            if !isKept { helper.end() }
        }
    }

    /// Ends them, for good.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for helper in waiting { helper.end() }
    }
}
