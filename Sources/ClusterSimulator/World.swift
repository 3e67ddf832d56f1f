import Glibc
package import Ports

/// Simulated time, chance and the events to come. Everything in a world runs on one thread.
///
/// The same seed and plan give the same events in the same order: `traceHash` tells.
// @unchecked: the ledger's completions must be Sendable, but a world never leaves its thread.
package final class World: @unchecked Sendable {
    private struct Event {
        let time: Int64
        let order: UInt64
        let body: () -> Void
    }

    package let seed: UInt64
    private var events: [Event] = []
    private var ready: [SimulatedProcess] = []
    private var lastOrder: UInt64 = 0
    /// Nanoseconds since the world began.
    private(set) var now: Int64 = 0
    /// What the wall clock is ahead of the other, in milliseconds; it may jump.
    var wallOffset: Int64 = 1_800_000_000_000
    package private(set) var eventCount = 0
    package private(set) var traceHash: UInt64 = 0xCBF2_9CE4_8422_2325
    /// How often each named situation was met.
    package private(set) var probes: [String: Int] = [:]
    /// Faults that happened, by kind, and when.
    package private(set) var faults: [String: Int] = [:]
    private var recent: [(kind: String, time: Int64)] = []
    /// Ordered pairs of fault kinds within a second.
    package private(set) var pairs: [String: Int] = [:]
    /// The newest lines, for a counter-example.
    package var lines: [String] { notes.map { "\(Double($0.time / 1_000_000) / 1000) \($0.text)" } }
    private var notes: [(time: Int64, text: String)] = []
    var keepsLines = 400
    /// What is wrong; the first ends the run.
    package private(set) var violation: String?

    init(seed: UInt64) { self.seed = seed }

    /// A stream of chance of its own for each purpose: a new draw in one shifts no other.
    func random(_ purpose: String) -> SeededRandom {
        SeededRandom(seed: purpose.utf8.reduce(seed &* 0x9E37_79B9_7F4A_7C15) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
    }

    func after(_ delay: Duration, _ body: @escaping () -> Void) {
        lastOrder += 1
        push(Event(time: now + max(0, delay.nanoseconds), order: lastOrder, body: body))
    }

    /// Runs until `end`, or until something is wrong, or `count` events have happened.
    func run(until end: Int64, mostEvents: Int) {
        while violation == nil, eventCount < mostEvents, let first = events.first, first.time <= end {
            pop()
            now = first.time
            eventCount += 1
            first.body()
            runReady()
        }
        if violation == nil, eventCount < mostEvents { now = max(now, end) }
    }

    func forgetEvents() { events = [] }

    /// A process has something to do: as soon as the event that is under way is over.
    func isReady(_ process: SimulatedProcess) {
        if !ready.contains(where: { $0 === process }) { ready.append(process) }
    }

    func runReady() { while !ready.isEmpty { ready.removeFirst().runJobs() } }

    func trace(_ text: @autoclosure () -> String) {
        var text = text()
        var hash = (traceHash ^ UInt64(bitPattern: now)) &* 0x100_0000_01B3
        text.withUTF8 { for byte in $0 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 } }
        traceHash = hash
        guard keepsLines > 0 else { return }
        if notes.count >= keepsLines * 2 { notes.removeFirst(keepsLines) }
        notes.append((now, text))
    }

    func probe(_ name: String) { probes[name, default: 0] += 1 }

    func fault(_ kind: String, _ detail: @autoclosure () -> String = "") {
        faults[kind, default: 0] += 1
        recent.removeAll { now - $0.time > 1_000_000_000 }
        for earlier in recent where earlier.kind != kind { pairs["\(earlier.kind)>\(kind)", default: 0] += 1 }
        recent.append((kind, now))
        trace("FAULT \(kind) \(detail())")
    }

    func fail(_ invariant: String, _ what: String) {
        guard violation == nil else { return }
        violation = "\(invariant): \(what)"
        trace("VIOLATION \(invariant): \(what)")
    }

    private func push(_ event: Event) {
        events.append(event)
        var index = events.count - 1
        while index > 0, isBefore(events[index], events[(index - 1) / 2]) {
            events.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private func pop() {
        let last = events.removeLast()
        guard !events.isEmpty else { return }
        events[0] = last
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < events.count else { return }
            if child + 1 < events.count, isBefore(events[child + 1], events[child]) { child += 1 }
            guard isBefore(events[child], events[index]) else { return }
            events.swapAt(child, index)
            index = child
        }
    }

    private func isBefore(_ a: Event, _ b: Event) -> Bool { a.time != b.time ? a.time < b.time : a.order < b.order }
}

extension World: TimeSource {
    package func monotonic() -> MonotonicTime { MonotonicTime(nanoseconds: now) }
    package func wall() -> WallTime { WallTime(milliseconds: now / 1_000_000 + wallOffset) }
    package func sleep(for duration: Duration) async throws { preconditionFailure("nothing sleeps in a simulation") }
}

extension SeededRandom {
    func chance(_ p: Double) -> Bool { p > 0 && unit() < p }

    func between(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }

    /// Exponential, with this mean in seconds, at most `cap`.
    func exponential(_ mean: Double, cap: Double) -> Duration {
        .seconds(min(cap, -mean * log(1 - unit())))
    }

    func pick<Value>(_ values: [Value]) -> Value { values[integer(below: values.count)] }
}
