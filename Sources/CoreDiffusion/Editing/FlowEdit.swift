package import CoreTensor

/// Editing a picture with a rectified flow and without inverting it: the edit moves along the difference of
/// the velocities under two prompts.
///
/// The result depends on the noise; averaging over `average` draws, or over seeds, steadies it.
/// - SeeAlso: Kulikov et al., “FlowEdit”, arXiv:2412.08629, whose published settings these are for Flux.1.
package struct FlowEdit: Equatable, Sendable {
    package var steps = 28
    /// Of the steps, so many last ones edit; more of them change more.
    package var mostSteps = 24
    /// So many last ones draw as usual, from one noise.
    package var leastSteps = 0
    /// Draws of noise for each step.
    package var average = 1
    package var sourceGuidance: Float = 1.5
    package var targetGuidance: Float = 5.5

    package init() {}

    /// What a prompt says, and what guidance leads away from; nil where the network reads the guidance itself
    /// or there is none.
    package struct Prompt {
        package let condition: TextCondition
        package let negative: TextCondition?

        package init(_ condition: TextCondition, negative: TextCondition? = nil) {
            self.condition = condition
            self.negative = negative
        }
    }

    /// - Parameters:
    ///   - picture: scaled latents, `[N, H, W, C]`.
    ///   - levels: of `steps` steps, noisiest first, and 0 at the end.
    ///   - timestepCount: the network's time at level 1.
    ///   - noise: unit normal, shaped as the picture; `draw` counts within a step.
    ///   - progress: called after each step that edits, with the latents so far.
    ///   - shouldStop: asked before each step; true ends with what is there.
    /// - Returns: the edited latents. With equal prompts and guidances they are the picture's, bit for bit.
    package func edit(
        _ picture: Tensor, network: any Denoiser, levels: [Float], timestepCount: Int = 1000, source: Prompt,
        target: Prompt, noise: (_ step: Int, _ draw: Int) -> Tensor, progress: (_ latents: Tensor) -> Void = { _ in },
        shouldStop: () -> Bool = { false }
    ) -> Tensor {
        precondition(levels.count == steps + 1, "\(levels.count) levels for \(steps) steps")
        return withoutGradients {
            func velocity(_ latents: Tensor, _ level: Float, _ prompt: Prompt, _ guidance: Float) -> Tensor {
                Self.velocity(
                    latents, time: level * Float(timestepCount), network: network, prompt: prompt, guidance: guidance)
            }
            var edited = picture
            var drawn: Tensor?
            for step in max(0, steps - mostSteps)..<steps where !shouldStop() {
                let (level, width) = (levels[step], levels[step + 1] - levels[step])
                if steps - step > leastSteps {
                    var change: Tensor?
                    for draw in 0..<average {
                        let noisy = add(scaled(picture, by: 1 - level), scaled(noise(step, draw), by: level))
                        // The same noise for both, so that equal prompts have equal velocities.
                        let moved = add(noisy, subtract(edited, picture))
                        let difference = subtract(
                            velocity(moved, level, target, targetGuidance),
                            velocity(noisy, level, source, sourceGuidance))
                        change = change.map { add($0, difference) } ?? difference
                    }
                    if let change { edited = add(edited, scaled(change, by: width / Float(average))) }
                    progress(edited)
                } else {
                    // From here on as usual, from the edit with noise on it.
                    let noisy =
                        drawn
                        ?? add(
                            add(scaled(picture, by: 1 - level), scaled(noise(step, 0), by: level)),
                            subtract(edited, picture))
                    let next = add(noisy, scaled(velocity(noisy, level, target, targetGuidance), by: width))
                    drawn = next
                    progress(next)
                }
            }
            return drawn ?? edited
        }
    }

    /// The guided velocity from picture to noise.
    ///
    /// - Parameter time: as the network reads it.
    package static func velocity(
        _ latents: Tensor, time: Float, network: any Denoiser, prompt: Prompt, guidance: Float
    ) -> Tensor {
        let times = Array(repeating: time, count: latents.shape[0])
        var condition = prompt.condition
        if network.embedsGuidance { condition.guidance = guidance }
        let with = network.predict(latents, times: times, condition: condition, cache: nil)
        guard let negative = prompt.negative, guidance != 1, !network.embedsGuidance else { return with }
        let without = network.predict(latents, times: times, condition: negative, cache: nil)
        return add(without, scaled(subtract(with, without), by: guidance))
    }
}
