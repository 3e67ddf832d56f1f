import Synchronization

/// Chance, handed in: keys, identities and jitter. Never used by numerics, which have their own counted
/// streams.
package protocol RandomSource: Sendable {
    func next() -> UInt64
}

extension RandomSource {
    /// Uniform in [0, 1), 53 bits.
    package func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in `0..<bound`.
    package func integer(below bound: Int) -> Int {
        precondition(bound > 0, "no integer below \(bound)")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    package func bytes(_ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count {
            let word = next()
            for shift in stride(from: 0, to: 64, by: 8) where result.count < count {
                result.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return result
    }

    /// `count` random bytes as lower-case hex; 16 make a key that never repeats.
    package func hexadecimal(bytes count: Int) -> String { bytes(count).hexadecimal }

    /// "Full jitter": uniform between nothing and the cap that doubles with every attempt, counted from 0.
    package func fullJitter(attempt: Int, base: Duration, cap: Duration) -> Duration {
        let ceiling = min(cap.inSeconds, base.inSeconds * Double(1 << UInt64(min(max(attempt, 0), 40))))
        return .seconds(ceiling * unit())
    }
}

/// The kernel's random generator.
package struct SystemRandom: RandomSource {
    package init() {}

    package func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}

/// The same sequence for the same seed (SplitMix64), for tests and the simulator.
package final class SeededRandom: RandomSource {
    private let state: Mutex<UInt64>

    package init(seed: UInt64) { state = Mutex(seed) }

    package func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
    }
}
