package import CoreTensor

/// A picture that a sampling run starts from, and what of it stays; formulas as diffusers' image-to-image and
/// inpainting pipelines.
package struct SourcePicture {
    /// `[N, h, w, L]`, scaled as the network knows them.
    private let latents: Tensor
    /// 1 where the picture is drawn anew, 0 where it stays, shaped as the latents; nil draws all anew.
    private let mask: (drawn: Tensor, stays: Tensor)?
    /// Steps that are left out at the start.
    let firstStep: Int
    /// A picture that is drawn anew with full strength starts from noise alone where only the mask says what
    /// stays.
    private let isFromNoise: Bool

    /// - Parameters:
    ///   - latents: `[N, h, w, L]`, scaled as the network knows them.
    ///   - mask: `[h, w]` in rows, 1 where the picture is drawn anew and 0 where it stays; nil draws all
    ///     anew.
    ///   - strength: how much of the picture is given up, 0…1.
    ///   - firstStep: as `firstStep(strength:steps:isFlow:)` counts.
    package init(latents: Tensor, mask: [Float]? = nil, strength: Double, firstStep: Int) {
        self.latents = latents
        self.firstStep = firstStep
        isFromNoise = mask != nil && strength >= 1
        self.mask = mask.map { mask in
            let (batch, places, channels) = (latents.shape[0], latents.shape[1] * latents.shape[2], latents.shape[3])
            precondition(mask.count == places, "a mask of \(mask.count) for \(places) latents")
            let values = (0..<batch).flatMap { _ in mask.flatMap { Array(repeating: $0, count: channels) } }
            return (Tensor(values, latents.shape), Tensor(values.map { 1 - $0 }, latents.shape))
        }
    }

    /// The step at which a run begins that gives up so much of a picture.
    ///
    /// diffusers rounds the steps that are taken down for a noise schedule and up for a flow.
    /// - Parameter strength: 0…1.
    /// - Returns: `steps` where no step is left.
    package static func firstStep(strength: Double, steps: Int, isFlow: Bool) -> Int {
        let taken = min(Double(steps) * strength, Double(steps))
        return isFlow ? max(0, Int(Double(steps) - taken)) : max(0, steps - Int(taken))
    }

    /// What the first call of the network sees.
    func start(_ sampler: some Sampler, noise: Tensor) -> Tensor {
        isFromNoise ? sampler.fromNoise(noise) : sampler.noised(latents, noise, index: firstStep * sampler.order)
    }

    /// Latents before call `index`, with the picture and its noise back where it stays.
    func kept(_ current: Tensor, _ sampler: some Sampler, noise: Tensor, index: Int) -> Tensor {
        guard let mask else { return current }
        return add(
            multiply(sampler.noised(latents, noise, index: index), mask.stays), multiply(current, mask.drawn))
    }
}
