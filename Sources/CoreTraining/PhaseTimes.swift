/// Where the seconds of an attempt go. Every moment between the start and a reading belongs to one phase, so
/// the phases of a reading add up to the time between.
package final class PhaseTimes {
    package enum Phase: String, CaseIterable, Sendable {
        /// The process, before it does anything of the job.
        case starting
        /// Reading base, adapters and data.
        case loading
        /// Latents and captions of the training set.
        case encoding
        case training
        /// The loss on held-out images.
        case validating
        /// Checkpoints and what an evaluation found, to the disk.
        case saving
        case drawing
        /// Measuring what was drawn.
        case judging
    }

    private let clock: () -> Double
    private var phase = Phase.loading
    private var since: Double
    private var spent: [Phase: Double] = [:]

    /// - Parameters:
    ///   - clock: seconds since any fixed point; never goes back.
    ///   - starting: seconds that the process took before.
    package init(clock: @escaping () -> Double, starting: Double = 0) {
        self.clock = clock
        since = clock()
        if starting > 0 { spent[.starting] = starting }
    }

    /// What follows belongs to a phase.
    package func enter(_ next: Phase) {
        settle()
        phase = next
    }

    /// `body` belongs to a phase, and what follows to that of before.
    ///
    /// - Throws: what `body` throws.
    package func within<R>(_ next: Phase, _ body: () throws -> R) rethrows -> R {
        let before = phase
        enter(next)
        defer { enter(before) }
        return try body()
    }

    /// Seconds of each phase so far, of those that took any.
    package var seconds: [Phase: Double] {
        settle()
        return spent
    }

    /// As metrics of the attempt: `seconds/drawing`.
    package var metrics: [String: Double] {
        Dictionary(uniqueKeysWithValues: seconds.map { ("seconds/\($0.key.rawValue)", $0.value) })
    }

    /// `loading 0.1 s, training 10.4 s`, in the order of an attempt.
    package var text: String {
        let seconds = seconds
        return Phase.allCases.compactMap { phase in
            seconds[phase].map { "\(phase.rawValue) \(($0 * 100).rounded() / 100) s" }
        }.joined(separator: ", ")
    }

    private func settle() {
        let now = clock()
        if now > since { spent[phase, default: 0] += now - since }
        since = now
    }
}
