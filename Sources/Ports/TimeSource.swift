import Glibc

/// A reading of a clock that never jumps; comparable only with readings of the same clock on the same
/// machine.
package struct MonotonicTime: Hashable, Comparable, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static let zero = MonotonicTime(nanoseconds: 0)

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    package static func + (left: Self, right: Duration) -> Self {
        .init(nanoseconds: left.nanoseconds + right.nanoseconds)
    }

    package static func - (left: Self, right: Self) -> Duration { .nanoseconds(left.nanoseconds - right.nanoseconds) }
}

/// The time of day in milliseconds since 1970, UTC. For people only: nothing is decided by it, and the wall
/// clocks of two machines are never compared.
package struct WallTime: Hashable, Comparable, Sendable {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
}

extension WallTime: CustomStringConvertible {
    /// RFC 3339 in UTC with milliseconds, such as `2026-05-04T12:30:00.250Z`.
    package var description: String {
        var seconds = time_t(milliseconds.flooredDivision(by: 1000))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ value: Int64, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let year = digits(Int64(parts.tm_year) + 1900, 4)
        let month = digits(Int64(parts.tm_mon) + 1, 2)
        let day = digits(Int64(parts.tm_mday), 2)
        let hour = digits(Int64(parts.tm_hour), 2)
        let minute = digits(Int64(parts.tm_min), 2)
        let second = digits(Int64(parts.tm_sec), 2)
        let rest = digits(milliseconds - milliseconds.flooredDivision(by: 1000) * 1000, 3)
        return "\(year)-\(month)-\(day)T\(hour):\(minute):\(second).\(rest)Z"
    }
}

/// Time, handed in wherever time matters, so that a test or a simulator can move it by hand.
package protocol TimeSource: Sendable {
    /// Does not go on while the machine sleeps: a closed laptop lid expires no lease.
    func monotonic() -> MonotonicTime
    func wall() -> WallTime
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    func sleep(for duration: Duration) async throws
}

/// The machine's clocks.
package struct SystemTime: TimeSource {
    package init() {}

    package func monotonic() -> MonotonicTime { .init(nanoseconds: read(CLOCK_MONOTONIC)) }

    package func wall() -> WallTime { .init(milliseconds: read(CLOCK_REALTIME).flooredDivision(by: 1_000_000)) }

    // Swift's SuspendingClock is CLOCK_MONOTONIC on Linux, ContinuousClock is CLOCK_BOOTTIME.
    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration, clock: .suspending) }

    private func read(_ clock: clockid_t) -> Int64 {
        var reading = timespec()
        clock_gettime(clock, &reading)
        return Int64(reading.tv_sec) * 1_000_000_000 + Int64(reading.tv_nsec)
    }
}

extension Duration {
    /// Whole nanoseconds; fractions below one are dropped.
    package var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
    package var milliseconds: Int64 { nanoseconds / 1_000_000 }
    package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

extension Int64 {
    /// Division that rounds towards minus infinity, so that times before 1970 come out right.
    func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
