import Ports
import Synchronization

/// Answers that take long to find, kept for a moment: many pages ask for the same. Who asks while one is
/// being found waits for it.
final class Memo<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        var value: Value
        /// What the answer was found from; nil where only its age tells whether it still holds.
        var mark: String?
        var at: MonotonicTime
        var used: MonotonicTime
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var underway: [Key: Task<Value, any Error>] = [:]
    }

    private let state = Mutex(State())
    private let time: any TimeSource
    private let most: Int
    /// What nobody asked for so long is let go of.
    private static var unused: Duration { .seconds(900) }

    /// - Parameter most: answers kept; the one that nobody asked for longest goes.
    init(most: Int, time: any TimeSource) {
        self.most = most
        self.time = time
    }

    /// - Parameters:
    ///   - age: an answer that is younger is given as it is.
    ///   - stale: so is one that is younger than this, while a newer one is found for those who come later.
    ///   - mark: of what the answer is found from, as it is now: an answer with the same holds at any age.
    ///   - patience: where there is an answer, however old, a newer one is waited for no longer than this.
    ///   - find: gets the last answer, however old.
    func value(
        _ key: Key, age: Duration, stale: Duration = .zero, mark: String? = nil, patience: Duration? = nil,
        _ find: @escaping @Sendable (Value?) async throws -> Value
    ) async throws -> Value {
        let now = time.monotonic()
        let found: (value: Value?, last: Value?, task: Task<Value, any Error>?) = state.withLock { state in
            let entry = state.entries[key]
            if let entry, now - entry.at < age || (mark != nil && entry.mark == mark) {
                state.entries[key]?.used = now
                return (entry.value, nil, nil)
            }
            let usable = entry.flatMap { now - $0.at < stale ? $0.value : nil }
            if entry != nil { state.entries[key]?.used = now }
            if let task = state.underway[key] { return (usable, entry?.value, task) }
            let task = Task { [self] in
                do {
                    let value = try await find(entry?.value)
                    keep(value, mark, key)
                    return value
                } catch {
                    self.state.withLock { $0.underway[key] = nil }
                    throw error
                }
            }
            state.underway[key] = task
            return (usable, entry?.value, task)
        }
        if let value = found.value { return value }
        guard let task = found.task else { return try await find(nil) }
        guard let patience, let last = found.last else { return try await task.value }
        return await isThere(task, within: patience) ? try await task.value : last
    }

    /// Whether a task has ended when some time is over: waiting for it cannot be given up otherwise.
    private func isThere(_ task: Task<Value, any Error>, within patience: Duration) async -> Bool {
        let (ends, ended) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingOldest(1))
        Task {
            _ = await task.result
            ended.yield(true)
        }
        let clock = Task { [time] in
            // Woken early: nobody waits any more.
            try? await time.sleep(for: patience)
            ended.yield(false)
        }
        defer { clock.cancel() }
        return await ends.first { _ in true } ?? false
    }

    /// Changes the answer to a key, if there is one.
    func change(_ key: Key, _ body: (inout Value) -> Void) {
        state.withLock { state in
            guard var entry = state.entries.removeValue(forKey: key) else { return }
            body(&entry.value)
            state.entries[key] = entry
        }
    }

    /// Whether a newer answer to a key is being found.
    func isUnderway(_ key: Key) -> Bool { state.withLock { $0.underway[key] != nil } }

    /// The answer to a key, however old, if there is one.
    func known(_ key: Key) -> Value? { state.withLock { $0.entries[key]?.value } }

    private func keep(_ value: Value, _ mark: String?, _ key: Key) {
        let now = time.monotonic()
        state.withLock { state in
            guard state.underway.removeValue(forKey: key) != nil else { return }
            state.entries[key] = Entry(value: value, mark: mark, at: now, used: now)
            state.entries = state.entries.filter { now - $0.value.used < Self.unused }
            while state.entries.count > most, let oldest = state.entries.min(by: { $0.value.used < $1.value.used }) {
                state.entries[oldest.key] = nil
            }
        }
    }
}
