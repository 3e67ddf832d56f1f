package import CoreTensor

/// Editing a picture by drawing it anew from a noisy copy of itself.
/// - SeeAlso: Meng et al., “SDEdit”, arXiv:2108.01073; the first step is chosen as diffusers' image-to-image
///   pipelines do.
package struct SDEdit: Equatable, Sendable {
    package var steps = 28
    /// Share of the steps that draw: 0 returns the picture, 1 draws from noise alone.
    package var strength = 0.6

    package init() {}

    /// The step that the noisy copy begins with; `steps` where nothing is drawn.
    package var firstStep: Int {
        let drawn = min(Double(steps) * strength, Double(steps))
        return Int(max(Double(steps) - drawn, 0))
    }

    /// - Parameters:
    ///   - picture: scaled latents, `[N, H, W, C]`.
    ///   - levels: of `steps` steps, noisiest first, and 0 at the end.
    ///   - noise: unit normal, shaped as the picture.
    ///   - velocity: under the edit's prompt, from picture to noise.
    ///   - progress: called after each step with the latents so far.
    /// - Returns: the edited latents; the picture's own, bit for bit, where nothing is drawn.
    package func edit(
        _ picture: Tensor, levels: [Float], noise: Tensor,
        velocity: (_ latents: Tensor, _ level: Float, _ step: Int) -> Tensor,
        progress: (_ latents: Tensor) -> Void = { _ in }
    ) -> Tensor {
        precondition(levels.count == steps + 1, "\(levels.count) levels for \(steps) steps")
        let first = firstStep
        guard first < steps else { return picture }
        return withoutGradients {
            let level = levels[first]
            var latents = add(scaled(picture, by: 1 - level), scaled(noise, by: level))
            for step in first..<steps {
                let change = velocity(latents, levels[step], step)
                latents = add(latents, scaled(change, by: levels[step + 1] - levels[step]))
                progress(latents)
            }
            return latents
        }
    }
}
