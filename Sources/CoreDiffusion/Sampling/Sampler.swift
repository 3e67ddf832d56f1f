package import CoreTensor

/// A path from noise to an image in few calls of the network.
package protocol Sampler {
    /// Training timesteps at which the network is asked, noisiest first; some samplers go between whole ones.
    var times: [Float] { get }
    /// What unit normal noise is multiplied with before the first step.
    var startScale: Float { get }
    /// Whether a step wants fresh noise.
    var isStochastic: Bool { get }
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
        withoutGradients {
            var sampler = self
            let count = latents.shape[0]
            let passes = GuidedPasses(
                conditional, unconditional: unconditional, guidance: guidance, sourceGuidance: sourceGuidance)
            let condition = passes.condition
            let cache = ContextCache()
            var current = startScale == 1 ? latents : scaled(latents, by: startScale)
            for (index, time) in times.enumerated() {
                let one = input(current, index: index)
                let input = passes.count == 1 ? one : concatenateBatch(Array(repeating: one, count: passes.count))
                let answers = unet.predict(
                    input, times: Array(repeating: time, count: input.shape[0]), condition: condition, cache: cache)
                let prediction = passes.mixed(
                    (0..<passes.count).map { pass in
                        passes.count == 1 ? answers : slice(answers, batch: pass * count..<(pass + 1) * count)
                    })
                current = sampler.step(
                    prediction, index: index, latents: current, noise: isStochastic ? noise?(index) : nil)
                progress?(index + 1)
            }
            return current
        }
    }
}
