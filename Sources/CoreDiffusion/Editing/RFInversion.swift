package import CoreTensor

/// Editing a picture by turning it into noise and that noise into a picture again, both steered: on the way
/// to noise towards one that is typical, on the way back towards the picture.
/// - SeeAlso: Rout et al., “Semantic Image Inversion and Editing using Rectified Stochastic Differential
///   Equations”, arXiv:2410.10792, algorithms 1 and 2.
package struct RFInversion: Equatable, Sendable {
    package var steps = 28
    /// γ, 0 to 1: how far the way to noise is steered.
    package var gamma: Float = 0.5
    /// η, 0 to 1: how far the way back is steered; 1 at every step returns the picture.
    package var eta: Float = 0.9
    /// Steps of the way back that are steered, from `firstStep` and before `endStep`.
    package var firstStep = 0
    package var endStep = 7

    package init() {}

    /// The noise that the picture becomes.
    ///
    /// - Parameters:
    ///   - picture: scaled latents, `[N, H, W, C]`.
    ///   - levels: of `steps` steps, noisiest first, and 0 at the end.
    ///   - noise: unit normal, shaped as the picture: what the way is steered to.
    ///   - velocity: under the empty prompt as published, from picture to noise.
    ///   - progress: called after each step with the latents so far, from the picture on.
    package func invert(
        _ picture: Tensor, levels: [Float], noise: Tensor,
        velocity: (_ latents: Tensor, _ level: Float, _ step: Int) -> Tensor,
        progress: (_ latents: Tensor) -> Void = { _ in }
    ) -> Tensor {
        precondition(levels.count == steps + 1, "\(levels.count) levels for \(steps) steps")
        return withoutGradients {
            var latents = picture
            for step in (0..<steps).reversed() {
                let (level, next) = (levels[step + 1], levels[step])
                let own = velocity(latents, level, step)
                // On a straight line to the noise this is the whole rest of the way.
                let steered = scaled(subtract(noise, latents), by: 1 / (1 - level))
                latents = add(latents, scaled(Self.mixed(own, steered, share: gamma), by: next - level))
                progress(latents)
            }
            return latents
        }
    }

    /// A picture from the noise.
    ///
    /// - Parameters:
    ///   - inverted: what ``invert(_:levels:noise:velocity:progress:)`` made of the picture.
    ///   - picture: scaled latents that the way is steered to, `[N, H, W, C]`.
    ///   - velocity: under the edit's prompt, from picture to noise.
    package func redraw(
        _ inverted: Tensor, picture: Tensor, levels: [Float],
        velocity: (_ latents: Tensor, _ level: Float, _ step: Int) -> Tensor,
        progress: (_ latents: Tensor) -> Void = { _ in }
    ) -> Tensor {
        precondition(levels.count == steps + 1, "\(levels.count) levels for \(steps) steps")
        return withoutGradients {
            var latents = inverted
            for step in 0..<steps {
                let level = levels[step]
                let own = velocity(latents, level, step)
                let steered = scaled(subtract(latents, picture), by: 1 / level)
                let share = step >= firstStep && step < endStep ? eta : 0
                latents = add(latents, scaled(Self.mixed(own, steered, share: share), by: levels[step + 1] - level))
                progress(latents)
            }
            return latents
        }
    }

    private static func mixed(_ own: Tensor, _ steered: Tensor, share: Float) -> Tensor {
        share == 0 ? own : add(own, scaled(subtract(steered, own), by: share))
    }
}
