import Foundation
import Ports
import SweepModel

/// What a job must come to, computed from its id alone: the checker and the trainer agree on it, and nobody
/// else knows.
struct JobTruth: Sendable {
    enum Fate: Sendable { case completes, alwaysCrashes, badConfig, notANumber, hangs, broken, brokenConfig }

    let id: JobID
    let steps: Int
    let stateEvery: Int
    let stepSeconds: Double
    let fate: Fate
    /// Its trainer takes the machine down with it, where the plan has that.
    let isHeavy: Bool
    /// Its trainer also logs points that nobody can take.
    let isUntidy: Bool
    private let start: UInt64

    /// - Parameter broken: how it fails, for a job of the broken sweep.
    init(_ id: JobID, poison: Double, stretch: Double, seed: UInt64, broken: Fate? = nil) {
        self.id = id
        start = id.text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let random = SeededRandom(seed: start ^ seed)
        steps = 4 + random.integer(below: 24)
        stateEvery = 2 + random.integer(below: 6)
        stepSeconds = random.between(2, 20) * stretch
        let drawn: Fate =
            random.chance(poison) ? random.pick([.alwaysCrashes, .badConfig, .notANumber, .hangs]) : .completes
        fate = broken ?? drawn
        isHeavy = random.chance(0.2)
        isUntidy = random.chance(0.15)
    }

    /// The training state after so many steps: each depends on the one before, as weights do.
    func state(after step: Int) -> UInt64 { (0..<step).reduce(start) { Self.advance($0, $1 + 1) } }

    static func advance(_ state: UInt64, _ step: Int) -> UInt64 {
        var word = (state ^ UInt64(step)) &* 0xBF58_476D_1CE4_E5B9
        word ^= word >> 31
        return word &* 0x94D0_49BB_1331_11EB
    }

    static func loss(_ state: UInt64) -> Double { Double(state >> 11) * 0x1p-53 }

    /// Metrics of a step, in the order of the stream.
    static func metrics(_ step: Int, _ state: UInt64) -> [(key: String, value: Double)] {
        [("loss", loss(state)), ("lr", step % 7 == 0 ? -0.0 : step % 11 == 0 ? .nan : 1 / Double(step + 1))]
    }

    /// What is measured of a state that was saved by plan: after it was saved, and again by whoever goes on
    /// from it.
    static let validation = "validation"

    func validates(_ step: Int) -> Bool { step > 0 && step % stateEvery == 0 && step < steps }

    static func validation(_ state: UInt64) -> Double { loss(state) + 1 }

    /// Everything that is measured at a step, by key.
    func point(_ key: String, _ step: Int) -> Double? {
        let state = state(after: step)
        if key == Self.validation { return validates(step) ? Self.validation(state) : nil }
        return Self.metrics(step, state).first { $0.key == key }?.value
    }

    func stateFile(_ step: Int, _ state: UInt64) -> [UInt8] {
        Array("state \(id.text) \(step) \(state)\n".utf8) + [UInt8](repeating: UInt8(step & 0xFF), count: 700)
    }

    func adapterFile(_ state: UInt64) -> [UInt8] {
        Array("adapter \(id.text) \(state)\n".utf8) + [UInt8](repeating: 7, count: 1500)
    }

    /// Step and state from a state file; nil if it is not one of this job.
    func read(_ bytes: [UInt8]) -> (step: Int, state: UInt64)? {
        let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self).split(separator: " ")
        guard line.count == 4, line[0] == "state", line[1] == id.text, let step = Int(line[2]),
            let state = UInt64(line[3])
        else { return nil }
        return (step, state)
    }
}
