import Ports
import Synchronization

/// Progress of a download: a bar on a terminal, a line every few seconds elsewhere.
final class DownloadMeter: Sendable {
    private struct State {
        /// By the file's number.
        var here: [Int: Int64] = [:]
        var told: MonotonicTime
    }

    private let total: Int64
    private let time: any TimeSource
    private let state: Mutex<State>
    private static let pause = Duration.seconds(5)

    init(total: Int64, time: any TimeSource = SystemTime()) {
        self.total = total
        self.time = time
        state = Mutex(State(told: time.monotonic()))
    }

    func update(file: Int, bytes: Int64) {
        let now = time.monotonic()
        let done = state.withLock { state -> Int64? in
            state.here[file] = bytes
            guard !Console.isTerminal else { return state.here.values.reduce(0, +) }
            guard now - state.told >= Self.pause else { return nil }
            state.told = now
            return state.here.values.reduce(0, +)
        }
        guard let done else { return }
        let text = "\(ByteText.megabytes(done)) of \(ByteText.megabytes(total))"
        guard Console.isTerminal else { return Console.note("fetched \(text)") }
        Console.rewrite("fetching \(Console.bar(done: Double(done) / Double(max(total, 1)))) \(text)")
    }

    func end() { if Console.isTerminal { Console.rewrite("") } }
}

/// Sizes for people.
enum ByteText {
    /// `12.3 MB`, and `4.5 GB` from a thousand of them.
    static func megabytes(_ bytes: Int64) -> String {
        let isLarge = bytes >= 1_000_000_000
        let tenths = (bytes + (isLarge ? 50_000_000 : 50_000)) / (isLarge ? 100_000_000 : 100_000)
        return "\(tenths / 10).\(tenths % 10) \(isLarge ? "GB" : "MB")"
    }
}
