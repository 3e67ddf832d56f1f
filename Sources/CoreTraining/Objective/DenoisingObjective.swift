package import CoreDiffusion
package import CoreTensor

/// One step's noisy inputs and what the U-Net should answer.
package struct NoisyBatch {
    /// `sqrt(ᾱ) x₀ + sqrt(1-ᾱ) ε`, `[B, h, w, c]`.
    package let sample: Tensor
    /// The noise, or what else the schedule predicts; shaped as the sample.
    package let target: Tensor
    package let timesteps: [Int]
    /// What the sample was mixed from.
    package let latents: Tensor
    package let noise: Tensor
    /// Loss weight of each sample; nil for 1.
    package let weights: [Float]?
}

/// The training objective of denoising diffusion: predict the noise (or v) that was mixed into the latents.
///
/// - SeeAlso: Ho et al., arXiv:2006.11239; min-SNR: Hang et al., arXiv:2303.09556.
package struct DenoisingObjective {
    package let schedule: NoiseSchedule
    /// nil weights all timesteps alike.
    package let minSNRGamma: Double?
    /// Size of the noise that is constant over an image's plane; 0 for none.
    package let noiseOffset: Double
    package let seed: UInt64

    package init(schedule: NoiseSchedule, minSNRGamma: Double?, noiseOffset: Double, seed: UInt64) {
        self.schedule = schedule
        self.minSNRGamma = minSNRGamma
        self.noiseOffset = noiseOffset
        self.seed = seed
    }

    /// The step's noise and timesteps: a function of (seed, step, place in the batch) alone.
    ///
    /// - Parameters:
    ///   - latents: scaled latents, `[B, h, w, c]`.
    ///   - itemWeights: what the loss of each sample counts, timesteps aside; nil for 1.
    package func draw(latents: Tensor, step: Int, itemWeights: [Float]? = nil) -> NoisyBatch {
        let timesteps = (0..<latents.shape[0]).map { item in
            var random = RandomStream(seed: seed, purpose: "timestep", step: step, item: item)
            return random.integer(below: schedule.timestepCount)
        }
        return mix(latents: latents, timesteps: timesteps, itemWeights: itemWeights) { item, noise in
            var random = RandomStream(seed: seed, purpose: "noise", step: step, item: item)
            random.fillNormal(noise)
            guard noiseOffset != 0 else { return }
            var offsets = RandomStream(seed: seed, purpose: "noise offset", step: step, item: item)
            addOffset(to: noise, &offsets)
        }
    }

    /// Timesteps and noise that depend on neither seed nor step: for a loss that can be compared between
    /// checkpoints.
    ///
    /// - Parameter items: names each image's noise.
    package func fixed(latents: Tensor, timestep: Int, items: [Int]) -> NoisyBatch {
        mix(latents: latents, timesteps: items.map { _ in timestep }) { place, noise in
            var random = RandomStream(seed: 0, purpose: "validation", step: timestep, item: items[place])
            random.fillNormal(noise)
        }
    }

    /// Mean over all elements of the squared error, each sample weighted.
    package func loss(_ answer: Tensor, _ batch: NoisyBatch) -> Tensor {
        meanSquaredError(answer, batch.target, sampleWeights: batch.weights)
    }

    private func mix(
        latents: Tensor, timesteps: [Int], itemWeights: [Float]? = nil, fill: (_ item: Int, _ noise: Tensor) -> Void
    ) -> NoisyBatch {
        let one = [1] + Array(latents.shape.dropFirst())
        let noise = concatenateBatch(
            timesteps.indices.map { item in
                let part = Tensor(uninitialized: one)
                fill(item, part)
                return part
            })
        var weights = minSNRGamma.map { gamma in
            timesteps.map { schedule.minSNRWeight($0, gamma: Float(gamma)) }
        }
        if let itemWeights { weights = weights.map { zip($0, itemWeights).map { $0 * $1 } } ?? itemWeights }
        return NoisyBatch(
            sample: schedule.addNoise(latents, noise, timesteps: timesteps),
            target: schedule.target(latents, noise, timesteps: timesteps), timesteps: timesteps, latents: latents,
            noise: noise, weights: weights)
    }

    private func addOffset(to noise: Tensor, _ random: inout RandomStream) {
        let channels = noise.shape[noise.shape.count - 1]
        let offsets = (0..<channels).map { _ in Float(noiseOffset) * random.normal() }
        noise.withMutableBuffer { values in
            for index in values.indices { values[index] += offsets[index % channels] }
        }
    }
}
