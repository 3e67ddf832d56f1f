import CoreTensor
import Foundation
import RunSpec

/// T-LoRA: how many of an adapter's ranks act at a timestep, more of them the less noise there is.
///
/// r(t) = ⌊((T − t) / T)^p · (R − r₀)⌋ + r₀, and the first r(t) of the R ranks act.
/// - SeeAlso: Soboleva et al., “T-LoRA: single image diffusion model customization without overfitting”,
///   arXiv:2507.05964.
package struct TimestepRank: Equatable {
    /// r₀: the ranks that act at pure noise.
    let minRank: Int
    /// p.
    let power: Double
    /// How often the R ranks stand one after the other in a layer's factors: twice where the start is taken
    /// off again.
    let copies: Int

    static let timesteps = 1000.0

    /// nil unless the options ask for it.
    init?(_ options: AlgorithmOptions) {
        guard let minRank = options.minRank else { return nil }
        self.minRank = minRank
        power = options.rankPower ?? 1
        copies = options.loraStart == nil ? 1 : 2
    }

    /// Ranks that act, of `rank`.
    ///
    /// - Parameter time: 0…1000, noisiest last.
    package func active(of rank: Int, time: Float) -> Int {
        let least = min(minRank, rank)
        let share = max(0, (Self.timesteps - Double(time)) / Self.timesteps)
        return min(rank, Int(pow(share, power) * Double(rank - least)) + least)
    }

    /// 1 for ranks that act and 0 for the others.
    ///
    /// - Parameters:
    ///   - activations: `[N, …, copies · R]`, samples one after the other.
    ///   - times: of the N samples.
    ///   - strength: in place of 1.
    func masked(_ activations: Tensor, times: [Float], strength: Float) -> Tensor {
        let width = activations.shape[activations.shape.count - 1]
        let rank = width / copies
        let rows = activations.count / width / max(1, times.count)
        precondition(rows * times.count * width == activations.count, "\(activations.shape) for \(times.count) times")
        let mask = Tensor(uninitialized: activations.shape)
        mask.withMutableBuffer { values in
            for (sample, time) in times.enumerated() {
                let active = active(of: rank, time: time)
                for row in sample * rows..<(sample + 1) * rows {
                    for place in 0..<width { values[row * width + place] = place % rank < active ? strength : 0 }
                }
            }
        }
        return multiply(activations, mask)
    }

    // In a file's header.

    package static let key = "radiata_timestep_rank"

    var text: String { "\(minRank) \(power) \(copies)" }

    /// - Throws: `AdapterError.badOption` for a text that is none.
    package init(text: String) throws {
        let parts = text.split(separator: " ")
        guard parts.count == 3, let least = Int(parts[0]), least > 0,
            let power = Double(parts[1]), power >= 0, power.isFinite, let copies = Int(parts[2]),
            (1...2).contains(copies)
        else {
            throw AdapterError(
                .badOption, "\(Self.key): found '\(text)', wanted a least rank, a power and 1 or 2")
        }
        (minRank, self.power, self.copies) = (least, power, copies)
    }
}
