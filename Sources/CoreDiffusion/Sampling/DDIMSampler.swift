package import CoreTensor

/// Denoises in few steps along the deterministic path (η = 0) or with fresh noise (η > 0); formulas as
/// diffusers'.
///
/// - SeeAlso: Song et al., “Denoising diffusion implicit models”, arXiv:2010.02502.
package struct DDIMSampler: Sampler, Sendable {
    package let schedule: NoiseSchedule
    package let eta: Float
    /// Training timesteps to visit, noisiest first.
    package let timesteps: [Int]
    private let stride: Int

    /// - Precondition: between 1 step and as many as the schedule has timesteps.
    package init(schedule: NoiseSchedule, steps: Int, eta: Float = 0) {
        let count = schedule.timestepCount
        precondition((1...count).contains(steps), "\(steps) steps of \(count) timesteps")
        self.schedule = schedule
        self.eta = eta
        stride = count / steps
        timesteps = Self.timesteps(schedule, steps)
    }

    package var times: [Float] { timesteps.map(Float.init) }
    package var isStochastic: Bool { eta > 0 }

    private static func timesteps(_ schedule: NoiseSchedule, _ steps: Int) -> [Int] {
        let count = schedule.timestepCount
        switch schedule.spacing ?? .leading {
        case .leading:
            return (0..<steps).reversed().map { min(count - 1, $0 * (count / steps) + schedule.stepsOffset) }
        case .linspace:
            guard steps > 1 else { return [0] }
            return (0..<steps).reversed().map {
                Int((Double(count - 1) * Double($0) / Double(steps - 1)).rounded(.toNearestOrEven))
            }
        case .trailing:
            let ratio = Double(count) / Double(steps)
            return (0..<steps).map { Int((Double(count) - Double($0) * ratio).rounded(.toNearestOrEven)) - 1 }
        }
    }

    package func noised(_ picture: Tensor, _ noise: Tensor, index: Int) -> Tensor {
        guard index < timesteps.count else { return picture }
        return schedule.addNoise(
            picture, noise, timesteps: Array(repeating: timesteps[index], count: picture.shape[0]))
    }

    /// One step from `timesteps[index]` to the next.
    ///
    /// - Parameters:
    ///   - prediction: the network's answer, of the kind the schedule names.
    ///   - noise: needed only for η > 0.
    package func step(_ prediction: Tensor, index: Int, latents: Tensor, noise: Tensor? = nil) -> Tensor {
        let timestep = timesteps[index]
        let previous = timestep - stride
        let alpha = schedule.alphas[timestep]
        let alphaNext = previous >= 0 ? schedule.alphas[previous] : (schedule.setAlphaToOne ? 1 : schedule.alphas[0])
        let (signal, spread) = (alpha.squareRoot(), (1 - alpha).squareRoot())
        var (clean, epsilon) = cleanAndNoise(prediction, latents, signal: signal, spread: spread)
        if schedule.clipSample {
            clean = clamp(clean, -Float(schedule.clipRange), Float(schedule.clipRange))
        }
        let variance = (1 - alphaNext) / (1 - alpha) * (1 - alpha / alphaNext)
        let deviation = eta * max(0, variance).squareRoot()
        epsilon = scaled(epsilon, by: max(0, 1 - alphaNext - deviation * deviation).squareRoot())
        let next = add(scaled(clean, by: alphaNext.squareRoot()), epsilon)
        guard deviation > 0, let noise else { return next }
        return add(next, scaled(noise, by: deviation))
    }

    /// The latent without noise, and the noise, that a prediction amounts to.
    private func cleanAndNoise(_ prediction: Tensor, _ latents: Tensor, signal: Float, spread: Float) -> (
        Tensor, Tensor
    ) {
        switch schedule.prediction {
        case .epsilon:
            (scaled(subtract(latents, scaled(prediction, by: spread)), by: 1 / signal), prediction)
        case .sample:
            (prediction, scaled(subtract(latents, scaled(prediction, by: signal)), by: 1 / spread))
        case .velocity:
            (
                subtract(scaled(latents, by: signal), scaled(prediction, by: spread)),
                add(scaled(prediction, by: signal), scaled(latents, by: spread))
            )
        }
    }
}
