package import CoreTensor
import Foundation

/// DPM-Solver++ (2M): second order, from this step's and the last step's picture without noise; formulas as
/// diffusers' `DPMSolverMultistepScheduler` with its midpoint rule.
///
/// - SeeAlso: Lu et al., “DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models”,
///   arXiv:2211.01095, algorithm 2.
package struct DPMSolverSampler: Sampler {
    package let schedule: NoiseSchedule
    private let levels: NoiseLevels
    /// The last step's picture without noise.
    private var previous: Tensor?

    /// - Precondition: between 1 step and as many as the schedule has timesteps.
    package init(schedule: NoiseSchedule, steps: Int) {
        precondition((1...schedule.timestepCount).contains(steps), "\(steps) steps")
        self.schedule = schedule
        levels = NoiseLevels(schedule, times: Self.times(schedule, steps))
    }

    package var times: [Float] { levels.times }

    private static func times(_ schedule: NoiseSchedule, _ steps: Int) -> [Double] {
        let count = schedule.timestepCount
        switch schedule.spacing ?? .linspace {
        case .leading:
            let ratio = count / (steps + 1)
            return (1...steps).reversed().map { Double(min(count - 1, $0 * ratio + schedule.stepsOffset)) }
        case .linspace:
            let ratio = Double(count - 1) / Double(steps)
            return (1...steps).reversed().map { (ratio * Double($0)).rounded(.toNearestOrEven) }
        case .trailing:
            let ratio = Double(count) / Double(steps)
            return (0..<steps).map { (Double(count) - Double($0) * ratio).rounded(.toNearestOrEven) - 1 }
        }
    }

    /// Signal, noise and half the logarithm of their ratio at a step.
    private func level(_ index: Int) -> (alpha: Float, sigma: Float, lambda: Float) {
        let sigma = levels.sigmas[index]
        let alpha = 1 / (sigma * sigma + 1).squareRoot()
        return (alpha, sigma * alpha, log(alpha) - log(sigma * alpha))
    }

    package func noised(_ picture: Tensor, _ noise: Tensor, index: Int) -> Tensor {
        guard index < times.count else { return picture }
        let (alpha, sigma, _) = level(index)
        return add(scaled(picture, by: alpha), scaled(noise, by: sigma))
    }

    package mutating func step(_ prediction: Tensor, index: Int, latents: Tensor, noise: Tensor? = nil) -> Tensor {
        let (now, next) = (level(index), level(index + 1))
        let clean = clean(prediction, latents, alpha: now.alpha, sigma: now.sigma)
        defer { previous = clean }
        let h = next.lambda - now.lambda
        let weight = -next.alpha * (exp(-h) - 1)
        let result = add(scaled(latents, by: next.sigma / now.sigma), scaled(clean, by: weight))
        // At the end σ is 0, where the second order does not exist.
        guard let previous, index + 1 < times.count else { return result }
        let ratio = (now.lambda - level(index - 1).lambda) / h
        guard ratio > 0, ratio.isFinite else { return result }
        return add(result, scaled(subtract(clean, previous), by: 0.5 * weight / ratio))
    }

    private func clean(_ prediction: Tensor, _ latents: Tensor, alpha: Float, sigma: Float) -> Tensor {
        switch schedule.prediction {
        case .epsilon: scaled(subtract(latents, scaled(prediction, by: sigma)), by: 1 / alpha)
        case .sample: prediction
        case .velocity: subtract(scaled(latents, by: alpha), scaled(prediction, by: sigma))
        }
    }
}
