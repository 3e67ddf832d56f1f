package import CoreDiffusion
package import CoreTensor
import Foundation

/// The objective of a rectified flow: predict the velocity ε − x₀ at a point of the straight line between
/// picture and noise.
///
/// - SeeAlso: Esser et al., arXiv:2403.03206.
package struct FlowObjective: Equatable, Sendable {
    /// What a sample's squared error counts at its level.
    package enum Weighting: String, CaseIterable, Sendable {
        case none
        /// s⁻².
        case sigmaSqrt = "sigma_sqrt"
        /// 2 / (π (1 − 2s + 2s²)).
        case cosmap
    }

    package var schedule: FlowSchedule
    /// Mean and deviation of the normal number whose logistic function a level is, before the shift.
    package var logitMean = 0.0
    package var logitDeviation = 1.0
    /// Levels spread evenly in place of that.
    package var isUniform = false
    package var weighting = Weighting.none
    /// Latent pixels of a token, along one side: the shift may depend on the number of tokens.
    package var tokenSide = 2

    package init(schedule: FlowSchedule) { self.schedule = schedule }

    /// A level for latents of that size, in ]0, 1[.
    package func level(_ random: inout RandomStream, height: Int, width: Int) -> Float {
        let plain: Double
        if isUniform {
            plain = Double(random.uniform())
        } else {
            plain = 1 / (1 + exp(-(logitMean + logitDeviation * Double(random.normal()))))
        }
        let tokens = height / tokenSide * (width / tokenSide)
        // A normal number far out must not round to the picture itself.
        return min(max(Float(schedule.shifted(plain, tokens: tokens)), 1e-5), 1)
    }

    package func weight(_ level: Float) -> Float {
        let level = Double(level)
        switch weighting {
        case .none: return 1
        case .sigmaSqrt: return Float(1 / (level * level))
        case .cosmap: return Float(2 / (Double.pi * (1 - 2 * level + 2 * level * level)))
        }
    }

    func mix(
        _ latents: Tensor, _ noise: Tensor, levels: [Float], itemWeights: [Float]?, isWeighted: Bool = true
    ) -> NoisyBatch {
        var weights = itemWeights
        if isWeighted, weighting != .none {
            let own = levels.map(weight)
            weights = itemWeights.map { zip($0, own).map { $0 * $1 } } ?? own
        }
        return NoisyBatch(
            sample: schedule.addNoise(latents, noise, levels: levels), target: schedule.target(latents, noise),
            timesteps: [], times: levels.map { $0 * Float(schedule.timestepCount) }, latents: latents, noise: noise,
            weights: weights)
    }
}
