package import CoreDiffusion
package import CoreTensor

/// One step's noisy inputs and what the network should answer.
package struct NoisyBatch {
    /// `sqrt(ᾱ) x₀ + sqrt(1-ᾱ) ε`, or of a flow `(1-s) x₀ + s ε`; `[B, h, w, c]`.
    package let sample: Tensor
    /// The noise, or what else the schedule predicts; shaped as the sample.
    package let target: Tensor
    /// Empty for a flow, whose times are no whole ones.
    package let timesteps: [Int]
    /// As the network reads them, up to 1000.
    package let times: [Float]
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
    /// In place of the schedule: noise levels on a straight line, and how likely each is.
    package let flow: FlowObjective?

    package init(
        schedule: NoiseSchedule, minSNRGamma: Double?, noiseOffset: Double, seed: UInt64, flow: FlowObjective? = nil
    ) {
        self.schedule = schedule
        self.flow = flow
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
        let streams = (0..<latents.shape[0]).map { item in
            RandomStream(seed: seed, purpose: "timestep", step: step, item: item)
        }
        let noise = noise(like: latents) { item, noise in
            var random = RandomStream(seed: seed, purpose: "noise", step: step, item: item)
            random.fillNormal(noise)
            guard noiseOffset != 0 else { return }
            var offsets = RandomStream(seed: seed, purpose: "noise offset", step: step, item: item)
            addOffset(to: noise, &offsets)
        }
        if let flow {
            let levels = streams.map { stream in
                var stream = stream
                return flow.level(&stream, height: latents.shape[1], width: latents.shape[2])
            }
            return flow.mix(latents, noise, levels: levels, itemWeights: itemWeights)
        }
        let timesteps = streams.map { stream in
            var stream = stream
            return stream.integer(below: schedule.timestepCount)
        }
        return mix(latents: latents, noise, timesteps: timesteps, itemWeights: itemWeights)
    }

    /// How many timesteps there are between picture and noise.
    package var timestepCount: Int { flow?.schedule.timestepCount ?? schedule.timestepCount }

    /// Timesteps and noise that depend on neither seed nor step: for a loss that can be compared between
    /// checkpoints.
    ///
    /// - Parameter items: names each image's noise.
    package func fixed(latents: Tensor, timestep: Int, items: [Int]) -> NoisyBatch {
        let noise = noise(like: latents) { place, noise in
            var random = RandomStream(seed: 0, purpose: "validation", step: timestep, item: items[place])
            random.fillNormal(noise)
        }
        if let flow {
            let level = Float(Double(timestep) / Double(flow.schedule.timestepCount))
            return flow.mix(latents, noise, levels: items.map { _ in level }, itemWeights: nil, isWeighted: false)
        }
        return mix(latents: latents, noise, timesteps: items.map { _ in timestep })
    }

    /// Mean over all elements of the squared error, each sample weighted.
    package func loss(_ answer: Tensor, _ batch: NoisyBatch) -> Tensor {
        meanSquaredError(answer, batch.target, sampleWeights: batch.weights)
    }

    private func noise(like latents: Tensor, fill: (_ item: Int, _ noise: Tensor) -> Void) -> Tensor {
        let one = [1] + Array(latents.shape.dropFirst())
        return concatenateBatch(
            (0..<latents.shape[0]).map { item in
                let part = Tensor(uninitialized: one)
                fill(item, part)
                return part
            })
    }

    private func mix(
        latents: Tensor, _ noise: Tensor, timesteps: [Int], itemWeights: [Float]? = nil
    ) -> NoisyBatch {
        var weights = minSNRGamma.map { gamma in
            timesteps.map { schedule.minSNRWeight($0, gamma: Float(gamma)) }
        }
        if let itemWeights { weights = weights.map { zip($0, itemWeights).map { $0 * $1 } } ?? itemWeights }
        return NoisyBatch(
            sample: schedule.addNoise(latents, noise, timesteps: timesteps),
            target: schedule.target(latents, noise, timesteps: timesteps), timesteps: timesteps,
            times: timesteps.map(Float.init), latents: latents, noise: noise, weights: weights)
    }

    private func addOffset(to noise: Tensor, _ random: inout RandomStream) {
        let channels = noise.shape[noise.shape.count - 1]
        let offsets = (0..<channels).map { _ in Float(noiseOffset) * random.normal() }
        noise.withMutableBuffer { values in
            for index in values.indices { values[index] += offsets[index % channels] }
        }
    }
}
