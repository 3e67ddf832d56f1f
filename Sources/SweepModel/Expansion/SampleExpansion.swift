import Foundation
import Ports
package import RunSpec

/// Points drawn from a space. Every coordinate depends on the seed, the point's number and the parameter's
/// name only, so that another parameter or a higher count leaves the rest as it was (random), and the same
/// file gives the same jobs on every machine.
struct SampleExpansion {
    let spec: SampleSpec
    let mark: SourceMark?

    func draws() throws(SweepModelError) -> [[String: ParameterValue]] {
        try SweepGroup.refuseTooMany([spec.count], mark: mark)
        // Sorted, so that the order of keys in the file decides nothing.
        let names = spec.space.keys.sorted()
        guard spec.method == .random || names.count <= SobolSequence.largestDimension else {
            throw SweepModelError(
                code: .badExpansion,
                message:
                    "sobol over \(names.count) parameters; at most \(SobolSequence.largestDimension), or method random",
                mark: mark)
        }
        var sobol = SobolSequence(dimension: names.count)
        return (0..<spec.count).map { index in
            let sequence = spec.method == .sobol ? sobol.next() : []
            var point: [String: ParameterValue] = [:]
            for (dimension, name) in names.enumerated() {
                let unit =
                    spec.method == .random
                    ? Self.unit(Self.word("\(spec.seed ?? 0)/\(index)/\(name)") >> 32)
                    : Self.unit(shifted(sequence[dimension], name))
                point[name] = spec.space[name]?.value(at: unit)
            }
            return point
        }
    }

    /// A seed shifts the sequence by exclusive or with one word per parameter, which keeps its evenness.
    private func shifted(_ word: UInt64, _ name: String) -> UInt64 {
        guard let seed = spec.seed else { return word }
        return word ^ (Self.word("\(seed)/\(name)") >> 32)
    }

    /// 32 bits as a number in [0, 1).
    private static func unit(_ bits: UInt64) -> Double { Double(bits) * 0x1p-32 }

    /// The first 64 bits of the SHA-256 of the text.
    private static func word(_ text: String) -> UInt64 {
        // A digest's text is hexadecimal by construction.
        UInt64(ContentDigest.of(text).text.prefix(16), radix: 16) ?? 0
    }
}

extension SampleRange {
    /// The value at a place in [0, 1). Continuous values are rounded to six significant digits: the last bits
    /// of `exp` differ between machines, and a job's identity must not.
    package func value(at unit: Double) -> ParameterValue {
        switch self {
        case .uniform(let low, let high): .number(Self.rounded(low + unit * (high - low)))
        case .log(let low, let high):
            .number(Self.rounded(exp(Foundation.log(low) + unit * (Foundation.log(high) - Foundation.log(low)))))
        case .integer(let low, let high): .number(Double(low + Int(unit * Double(high - low + 1))))
        case .choice(let values): values[Int(unit * Double(values.count))]
        case .rounded(let range, let step):
            range.value(at: unit).number.map { .number(Self.rounded(($0 / step).rounded() * step)) } ?? .null
        }
    }

    private static func rounded(_ value: Double) -> Double {
        // Text of a finite number always reads back.
        Double(String(format: "%.6g", value)) ?? value
    }
}
