import CoreDiffusion
import CoreNets
import CoreTensor

/// Measures drawing: DDIM's steps through a U-Net with random weights, both halves of guidance in one batch.
/// Autoencoder and text encoder are left out.
package struct BenchSample {
    package let model: BenchModel
    /// Side of the square latent; nil: the model's usual one.
    package var latent: Int?
    package var batch = 1
    package var steps = 20
    /// 1 and less draws without the half of the empty prompt.
    package var guidance = 7.5
    /// Weights rounded to half floats and stored so.
    package var halves = false
    package var precision = BenchPrecision.f32

    /// - Parameter model: one with a U-Net.
    package init(model: BenchModel) { self.model = model }

    package struct Report: Codable, Sendable {
        package let model: String
        package let batch: Int
        package let latent: Int
        package let steps: Int
        package let guidance: Double
        /// Of all steps, after one call of the network that warms up.
        package let seconds: Double
        /// Largest resident memory of the process.
        package let residentMB: Double
        package let kernel: String
        package let threads: Int
        package let precision: String

        private enum CodingKeys: String, CodingKey {
            case model, batch, latent, steps, guidance, seconds, kernel, threads, precision
            case residentMB = "resident_mb"
        }
    }

    package func run() -> Report {
        let side = latent ?? model.latent
        let bench = model.network(samples: batch, side: side)
        if halves { bench.network.keepWeightsAsHalfWhenSet(rounding: true) }
        bench.network.initialize(seed: 0)
        let sampler = DDIMSampler(schedule: NoiseSchedule(), steps: steps)
        // The target is unit normal noise in the latents' shape.
        let (noise, prompt) = (bench.target, TextCondition(states: bench.context))
        let seconds = bench.network.drawing(in: precision.tensor) {
            withoutGradients { _ = bench.forward(true) }
            return ContinuousClock().measure {
                _ = sampler.sample(
                    unet: bench.network, latents: noise, conditional: prompt,
                    unconditional: TextCondition(states: Tensor.zeros(bench.context.shape)), guidance: Float(guidance))
            } / .seconds(1)
        }
        let machine = Compute.description(of: precision.tensor)
        return Report(
            model: model.rawValue, batch: batch, latent: side, steps: steps, guidance: guidance, seconds: seconds,
            residentMB: Compute.peakMegabytes ?? 0, kernel: machine.bf16 ?? machine.kernel, threads: machine.threads,
            precision: precision.rawValue)
    }
}
