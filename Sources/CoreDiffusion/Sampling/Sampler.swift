package import CoreTensor

/// A path from noise to an image in few calls of the network.
package protocol Sampler {
    /// Training timesteps at which the network is asked, noisiest first; some samplers go between whole ones.
    var times: [Float] { get }
    /// What unit normal noise is multiplied with before the first step.
    var startScale: Float { get }
    /// Whether a step wants fresh noise.
    var isStochastic: Bool { get }
    /// Calls of the network that make up a step; the last step may have fewer.
    var order: Int { get }
    /// A picture with as much noise as the latents have before call `index`; the picture itself after the
    /// last.
    ///
    /// - Parameters:
    ///   - picture: scaled latents without noise.
    ///   - noise: unit normal, shaped as the picture.
    func noised(_ picture: Tensor, _ noise: Tensor, index: Int) -> Tensor
    /// Latents as the network wants them at a step.
    func input(_ latents: Tensor, index: Int) -> Tensor
    /// One step from `times[index]` to the next, or to the image.
    ///
    /// - Parameters:
    ///   - prediction: the network's answer, of the kind the schedule names.
    ///   - noise: unit normal, only for stochastic samplers.
    mutating func step(_ prediction: Tensor, index: Int, latents: Tensor, noise: Tensor?) -> Tensor
}

extension Sampler {
    package var startScale: Float { 1 }
    package var isStochastic: Bool { false }
    package var order: Int { 1 }
    package func input(_ latents: Tensor, index: Int) -> Tensor { latents }

    /// Denoises a batch with classifier-free guidance: e = eᵤ + s (e_c − eᵤ), both halves in one batch; with
    /// a source, by two guidances (`GuidedPasses`).
    ///
    /// - Parameters:
    ///   - latents: `[N, h, w, L]`, unit normal noise.
    ///   - unconditional: the empty or the negative prompt; nil, or guidance of 1 and less, runs without
    ///     guidance, as diffusers does.
    ///   - sourceGuidance: of the picture that an edit begins with; read where `conditional` has one.
    ///   - noise: fresh normal noise for a step, needed by stochastic samplers.
    ///   - progress: called after each step with the number of steps done.
    package func sample(
        unet: any Denoiser, latents: Tensor, conditional: TextCondition, unconditional: TextCondition?,
        guidance: Float, sourceGuidance: Float = 1, noise: ((_ step: Int) -> Tensor)? = nil,
        progress: ((_ done: Int) -> Void)? = nil
    ) -> Tensor {
        let phase = SamplingPhase(
            conditional, unconditional: unconditional, guidance: guidance, sourceGuidance: sourceGuidance)
        return sample(
            unet: unet, latents: latents, noise: noise, progress: { done, _ in progress?(done) }, phase: { _ in phase })
    }

    /// The same from a picture, and with what leads the network changing on the way.
    ///
    /// - Parameters:
    ///   - latents: `[N, h, w, L]`, unit normal noise.
    ///   - source: what the noise is put on; nil starts from noise alone.
    ///   - progress: called after each call of the network with the number of calls done, left-out ones
    ///     counted, and the latents.
    ///   - phase: what leads a step, asked before each call of the network; where it changes the network
    ///     itself, it answers a new phase.
    package func sample(
        unet: any Denoiser, latents: Tensor, source: SourcePicture? = nil, noise: ((_ step: Int) -> Tensor)? = nil,
        progress: ((_ done: Int, _ latents: Tensor) -> Void)? = nil, phase: (_ step: Int) -> SamplingPhase
    ) -> Tensor {
        withoutGradients {
            var sampler = self
            let count = latents.shape[0]
            let first = (source?.firstStep ?? 0) * order
            var current = source?.start(self, noise: latents) ?? fromNoise(latents)
            for (index, time) in times.enumerated().dropFirst(first) {
                let phase = phase(index / order)
                let passes = phase.passes
                let one = input(current, index: index)
                let input = passes.count == 1 ? one : concatenateBatch(Array(repeating: one, count: passes.count))
                let answers = unet.predictBatch(
                    input, times: Array(repeating: time, count: input.shape[0]), condition: passes.condition,
                    cache: phase.cache)
                let prediction = passes.mixed(
                    (0..<passes.count).map { pass in
                        passes.count == 1 ? answers : slice(answers, batch: pass * count..<(pass + 1) * count)
                    })
                current = sampler.step(
                    prediction, index: index, latents: current, noise: isStochastic ? noise?(index) : nil)
                if let source { current = source.kept(current, self, noise: latents, index: index + 1) }
                progress?(index + 1, current)
            }
            return current
        }
    }

    /// Unit normal noise as the first call of the network wants it.
    func fromNoise(_ noise: Tensor) -> Tensor { startScale == 1 ? noise : scaled(noise, by: startScale) }
}
