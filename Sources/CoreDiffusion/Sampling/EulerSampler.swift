package import CoreTensor

/// Straight steps along the derivative in σ space; formulas as diffusers' `EulerDiscreteScheduler`.
///
/// - SeeAlso: Karras et al., “Elucidating the design space of diffusion-based generative models”,
///   arXiv:2206.00364, algorithm 2 without churn.
package struct EulerSampler: Sampler, Sendable {
    package let schedule: NoiseSchedule
    private let levels: NoiseLevels
    package let startScale: Float

    /// - Precondition: between 1 step and as many as the schedule has timesteps.
    package init(schedule: NoiseSchedule, steps: Int) {
        precondition((1...schedule.timestepCount).contains(steps), "\(steps) steps")
        self.schedule = schedule
        let spacing = schedule.spacing ?? .linspace
        levels = NoiseLevels(schedule, times: Self.times(schedule, spacing, steps))
        let largest = levels.sigmas.max() ?? 0
        startScale = spacing == .leading ? (largest * largest + 1).squareRoot() : largest
    }

    package var times: [Float] { levels.times }
    /// One for each step, and 0 at the end.
    package var sigmas: [Float] { levels.sigmas }

    private static func times(_ schedule: NoiseSchedule, _ spacing: NoiseSchedule.Spacing, _ steps: Int) -> [Double] {
        let count = schedule.timestepCount
        switch spacing {
        case .leading:
            return (0..<steps).reversed().map { Double(min(count - 1, $0 * (count / steps) + schedule.stepsOffset)) }
        case .linspace:
            guard steps > 1 else { return [0] }
            // Between whole timesteps, in f32 as the reference's.
            return (0..<steps).reversed().map { Double(Float(Double(count - 1) / Double(steps - 1) * Double($0))) }
        case .trailing:
            let ratio = Double(count) / Double(steps)
            return (0..<steps).map { (Double(count) - Double($0) * ratio).rounded(.toNearestOrEven) - 1 }
        }
    }

    package func input(_ latents: Tensor, index: Int) -> Tensor {
        let sigma = sigmas[index]
        return scaled(latents, by: 1 / (sigma * sigma + 1).squareRoot())
    }

    package func noised(_ picture: Tensor, _ noise: Tensor, index: Int) -> Tensor {
        index < times.count ? add(picture, scaled(noise, by: sigmas[index])) : picture
    }

    package func step(_ prediction: Tensor, index: Int, latents: Tensor, noise: Tensor? = nil) -> Tensor {
        let (sigma, next) = (sigmas[index], sigmas[index + 1])
        // x + (σ' − σ)(x − x₀)/σ, with x₀ written out for each kind of prediction.
        switch schedule.prediction {
        case .epsilon: return add(latents, scaled(prediction, by: next - sigma))
        case .sample:
            return add(latents, scaled(subtract(latents, prediction), by: (next - sigma) / sigma))
        case .velocity:
            let whole = sigma * sigma + 1
            let clean = subtract(
                scaled(latents, by: 1 / whole), scaled(prediction, by: sigma / whole.squareRoot()))
            return add(latents, scaled(subtract(latents, clean), by: (next - sigma) / sigma))
        }
    }
}
