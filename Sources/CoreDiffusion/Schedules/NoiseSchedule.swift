package import CoreTensor
import Foundation

/// How much noise a latent carries at each timestep (DDPM), and what the network is asked to predict.
///
/// - SeeAlso: Ho et al., “Denoising diffusion probabilistic models”, arXiv:2006.11239.
package struct NoiseSchedule: Equatable, Sendable {
    package enum Betas: String, CaseIterable, Sendable {
        case linear
        /// Linear in the square root: Stable Diffusion's.
        case scaledLinear = "scaled_linear"
        case squaredCosine = "squaredcos_cap_v2"
    }

    package enum Prediction: String, CaseIterable, Sendable {
        case epsilon
        case velocity = "v_prediction"
        case sample
    }

    package enum Spacing: String, CaseIterable, Sendable {
        case leading, linspace, trailing
    }

    package var betaStart = 0.00085
    package var betaEnd = 0.012
    package var betas = Betas.scaledLinear
    package var prediction = Prediction.epsilon
    /// Which timesteps a sampler visits; nil leaves it to the sampler, as diffusers does: leading for DDIM,
    /// linspace for the others.
    package var spacing: Spacing?
    package var stepsOffset = 1
    /// Whether the last step ends at no noise at all, rather than at that of timestep 0.
    package var setAlphaToOne = false
    /// Whether the picture without noise that a step expects is kept within `clipRange` on both sides of 0.
    package var clipSample = false
    package var clipRange = 1.0
    /// ᾱ of every training timestep: the share of the signal's variance.
    package private(set) var alphas: [Float] = []

    /// Stable Diffusion's schedule, unless told otherwise.
    package init(
        timesteps: Int = 1000, betaStart: Double = 0.00085, betaEnd: Double = 0.012, betas: Betas = .scaledLinear,
        prediction: Prediction = .epsilon, zeroTerminal: Bool = false
    ) {
        self.betaStart = betaStart
        self.betaEnd = betaEnd
        self.betas = betas
        self.prediction = prediction
        var product = 1.0
        alphas = Self.betaValues(betas, timesteps, betaStart, betaEnd).map { beta in
            // Each factor is rounded to f32 as the reference's tensor is; its running product is kept in f64.
            product *= Double(1 - beta)
            return Float(product)
        }
        if zeroTerminal { alphas = Self.withZeroTerminal(alphas) }
    }

    /// Takes over what a training job says in place of the base.
    ///
    /// - Parameters:
    ///   - prediction: `epsilon`, `v_prediction` or `sample`; nil keeps the base's.
    ///   - zeroTerminal: rescales the schedule so that the last timestep is pure noise; sampling then starts
    ///     there.
    /// - Throws: `DiffusionError` for another name, and for pure noise with the prediction of noise, which
    ///   says nothing.
    package mutating func adopt(prediction name: String?, zeroTerminal: Bool) throws {
        if let name {
            guard let prediction = Prediction(rawValue: name) else {
                throw DiffusionError(
                    code: .invalidConfiguration, message: "prediction_type \(name): wanted epsilon or v_prediction")
            }
            self.prediction = prediction
        }
        guard zeroTerminal else { return }
        guard prediction == .velocity else {
            throw DiffusionError(
                code: .invalidConfiguration,
                message: "zero_terminal_snr needs prediction_type v_prediction, this is \(prediction.rawValue)")
        }
        if alphas.last != 0 { alphas = Self.withZeroTerminal(alphas) }
        spacing = .trailing
    }

    package var timestepCount: Int { alphas.count }

    /// √ᾱ x₀ + √(1 − ᾱ) ε, each sample at its own timestep.
    package func addNoise(_ latents: Tensor, _ noise: Tensor, timesteps: [Int]) -> Tensor {
        add(
            scaleSamples(latents, timesteps.map { alphas[$0].squareRoot() }),
            scaleSamples(noise, timesteps.map { (1 - alphas[$0]).squareRoot() }))
    }

    /// What the network should answer for these latents and this noise.
    package func target(_ latents: Tensor, _ noise: Tensor, timesteps: [Int]) -> Tensor {
        switch prediction {
        case .epsilon: noise
        case .sample: latents
        case .velocity:
            subtract(
                scaleSamples(noise, timesteps.map { alphas[$0].squareRoot() }),
                scaleSamples(latents, timesteps.map { (1 - alphas[$0]).squareRoot() }))
        }
    }

    /// ᾱ / (1 − ᾱ).
    package func signalToNoise(_ timestep: Int) -> Float { alphas[timestep] / (1 - alphas[timestep]) }

    /// The loss weight of Min-SNR (Hang et al., arXiv:2303.09556): min(SNR, γ) / SNR, for v-prediction / (SNR
    /// + 1).
    package func minSNRWeight(_ timestep: Int, gamma: Float) -> Float {
        let ratio = signalToNoise(timestep)
        switch prediction {
        case .epsilon: return min(ratio, gamma) / ratio
        case .velocity: return min(ratio, gamma) / (ratio + 1)
        case .sample: return min(ratio, gamma)
        }
    }

    private static func betaValues(_ kind: Betas, _ count: Int, _ start: Double, _ end: Double) -> [Float] {
        switch kind {
        case .linear: return linspace(Float(start), Float(end), count)
        case .scaledLinear:
            return linspace(Float(start.squareRoot()), Float(end.squareRoot()), count).map { $0 * $0 }
        case .squaredCosine:
            func bar(_ time: Double) -> Double {
                let angle = cos((time + 0.008) / 1.008 * Double.pi / 2)
                return angle * angle
            }
            return (0..<count).map { i in
                Float(min(1 - bar(Double(i + 1) / Double(count)) / bar(Double(i) / Double(count)), 0.999))
            }
        }
    }

    /// As torch's: from both ends towards the middle.
    private static func linspace(_ start: Float, _ end: Float, _ count: Int) -> [Float] {
        guard count > 1 else { return [start] }
        let step = (end - start) / Float(count - 1)
        return (0..<count).map { $0 < count / 2 ? start + step * Float($0) : end - step * Float(count - 1 - $0) }
    }

    /// Shifts and scales √ᾱ so that the last timestep is pure noise (Lin et al., arXiv:2305.08891).
    private static func withZeroTerminal(_ alphas: [Float]) -> [Float] {
        let roots = alphas.map { $0.squareRoot() }
        guard let first = roots.first, let last = roots.last, first > last else { return alphas }
        return roots.map {
            let root = ($0 - last) * first / (first - last)
            return root * root
        }
    }
}
