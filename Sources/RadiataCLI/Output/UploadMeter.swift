package import Ports
import Synchronization

/// Progress of an upload: a bar on a terminal, a line at the start, every few seconds and at the end
/// elsewhere.
package final class UploadMeter: Sendable {
    private struct State {
        var files = 0
        /// Of the files that are finished.
        var finished: Int64 = 0
        /// Of the file that is being sent.
        var within: Int64 = 0
        var told: MonotonicTime?
    }

    private let total: Int64
    private let count: Int
    private let time: any TimeSource
    private let state = Mutex(State())
    private static let pause = Duration.seconds(10)

    package init(total: Int64, count: Int, time: any TimeSource = SystemTime()) {
        self.total = total
        self.count = count
        self.time = time
    }

    package func start() {
        state.withLock { $0.told = time.monotonic() }
        if !Console.isTerminal { Console.note("uploading \(count) input files, \(Self.megabytes(total)) MB") }
    }

    /// - Parameter within: bytes of the file being sent that the coordinator has.
    package func update(within: Int64) {
        let now = time.monotonic()
        let done = state.withLock { state -> Int64? in
            state.within = within
            guard !Console.isTerminal else { return state.finished + within }
            guard let told = state.told, now - told >= Self.pause else { return nil }
            state.told = now
            return state.finished + within
        }
        guard let done else { return }
        let text = "\(Self.megabytes(done)) of \(Self.megabytes(total)) MB"
        guard Console.isTerminal else { return Console.note("uploaded \(text)") }
        Console.rewrite("uploading inputs \(Console.bar(done: Double(done) / Double(max(total, 1)))) \(text)")
    }

    package func finishFile(_ size: Int64) {
        state.withLock { state in
            state.files += 1
            state.finished += size
            state.within = 0
        }
    }

    package func end() {
        if Console.isTerminal { Console.rewrite("") }
        Console.note("uploaded \(count) input files, \(Self.megabytes(total)) MB")
    }

    /// What is done and what is left, when it ends early.
    package func standing(sweep: String, again: String) -> String {
        let (files, bytes) = state.withLock { ($0.files, $0.finished + $0.within) }
        let left = count - files
        return """
            \(sweep) is launched; \(files) of \(count) input files (\(Self.megabytes(bytes)) of \(Self.megabytes(total)) MB) \
            are with the coordinator, \(left) \(left == 1 ? "is" : "are") missing (\(Self.megabytes(total - bytes)) MB). Its jobs \
            need them: '\(again)' sends what is missing and nothing twice
            """
    }

    private static func megabytes(_ bytes: Int64) -> String {
        let tenths = (bytes + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10)"
    }
}
