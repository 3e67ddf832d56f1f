package import Ports
import SweepWire

/// How often a call that got no answer, or a passing refusal, is sent again. Only idempotent calls are.
package struct RetryPolicy: Sendable {
    /// Repeats after the first try; nil for no end.
    package let repeats: Int?
    package let base: Duration
    package let cap: Duration

    package init(repeats: Int?, base: Duration, cap: Duration) {
        self.repeats = repeats
        self.base = base
        self.cap = cap
    }

    package static let never = RetryPolicy(repeats: 0, base: .zero, cap: .zero)
    /// For commands of a person who waits: given up after three seconds at most.
    package static let user = RetryPolicy(repeats: 4, base: .milliseconds(200), cap: .milliseconds(1600))
    /// For reports, which must arrive.
    package static let forever = RetryPolicy(repeats: nil, base: .milliseconds(200), cap: .seconds(30))

    /// The wait before repeat `number`, counted from 0; nil when it is time to give up.
    package func wait(before number: Int, error: ClientError, random: any RandomSource) -> Duration? {
        guard error.isTransient, repeats.map({ number < $0 }) ?? true else { return nil }
        let jitter = random.fullJitter(attempt: number, base: base, cap: cap)
        guard let asked = error.answer?.retryAfter, asked.isFinite, asked > 0 else { return jitter }
        // What the coordinator asks for is obeyed, within reason, and spread so that not all come back at
        // once.
        return .seconds(min(asked, max(cap.inSeconds, 1)))
            + random.fullJitter(attempt: 0, base: .milliseconds(200), cap: cap)
    }
}
