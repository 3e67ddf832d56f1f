import Glibc
import Synchronization

/// Where the time of a computation goes, by kind of operation. Nothing is recorded unless a benchmark asks
/// for it.
package enum OperationTimes {
    package enum Kind: String, CaseIterable, Sendable, Codable {
        case product = "matrix products"
        case convolution = "convolutions"
        case weightGradient = "weight gradients"
        case attention = "attention"
        case attentionBackward = "attention, backward"
        case normalization = "normalisation"
        case activation = "activations"
        case elementwise = "sums and copies"
        case adapter = "adapters' own loops"
        case optimizer = "optimiser"
    }

    package struct Entry: Sendable, Codable {
        package let kind: Kind
        /// Without the time of operations inside this one.
        package let seconds: Double
        package let calls: Int
        /// Floating-point operations of products and attention; a multiply-add is two.
        package let operations: Double
    }

    private struct Totals {
        var entries: [Kind: (seconds: Double, calls: Int, operations: Double)] = [:]
        var threads: [UInt: Open] = [:]
    }

    /// What one thread is in.
    private struct Open {
        /// Time of the measured operations inside each open one.
        var inner: [Double] = []
        /// Of the thread's time, as others run beside it.
        var share = 1.0
    }

    private static var thread: UInt { pthread_self() }

    private static let isRecording = Atomic<Bool>(false)
    private static let totals = Mutex(Totals())

    /// - Throws: what `body` throws.
    /// - Returns: what `body` spent, the largest first. One recording at a time.
    package static func record(_ body: () throws -> Void) rethrows -> [Entry] {
        totals.withLock { $0 = Totals() }
        isRecording.store(true, ordering: .relaxed)
        defer { isRecording.store(false, ordering: .relaxed) }
        try body()
        return totals.withLock { totals in
            totals.entries.map {
                Entry(kind: $0.key, seconds: $0.value.seconds, calls: $0.value.calls, operations: $0.value.operations)
            }.sorted { $0.seconds > $1.seconds }
        }
    }

    /// Runs `body` as an operation of that kind, on a thread that owns a graph.
    ///
    /// - Throws: what `body` throws.
    @inline(__always)
    package static func measure<R>(_ kind: Kind, operations: Int = 0, _ body: () throws -> R) rethrows -> R {
        guard isRecording.load(ordering: .relaxed) else { return try body() }
        return try timed(kind, operations, body)
    }

    /// Runs `body`, beside which others run on threads of their own: its time counts as one of the shares.
    ///
    /// - Throws: what `body` throws.
    static func sharing<R>(among count: Int, _ body: () throws -> R) rethrows -> R {
        guard isRecording.load(ordering: .relaxed) else { return try body() }
        totals.withLock { $0.threads[thread, default: Open()].share /= Double(count) }
        defer { totals.withLock { $0.threads[thread, default: Open()].share *= Double(count) } }
        return try body()
    }

    @inline(never)
    private static func timed<R>(_ kind: Kind, _ operations: Int, _ body: () throws -> R) rethrows -> R {
        let clock = ContinuousClock()
        let start = clock.now
        totals.withLock { $0.threads[thread, default: Open()].inner.append(0) }
        defer {
            let seconds = (clock.now - start) / .seconds(1)
            totals.withLock { totals in
                var open = totals.threads[thread] ?? Open()
                let inside = open.inner.popLast() ?? 0
                if let last = open.inner.indices.last { open.inner[last] += seconds }
                totals.threads[thread] = open
                var entry = totals.entries[kind] ?? (0, 0, 0)
                entry.seconds += (seconds - inside) * open.share
                entry.calls += 1
                entry.operations += Double(operations)
                totals.entries[kind] = entry
            }
        }
        return try body()
    }
}
