package import CoreTensor

/// Straight steps along the velocity, as diffusers' `FlowMatchEulerDiscreteScheduler`.
package struct FlowEulerSampler: Sampler, Sendable {
    /// One for each step, and 0 at the end.
    package let levels: [Float]
    package let times: [Float]

    /// - Parameter levels: as `FlowSchedule.levels` gives them.
    package init(levels: [Float], timestepCount: Int = 1000) {
        self.levels = levels
        times = levels.dropLast().map { $0 * Float(timestepCount) }
    }

    package func noised(_ picture: Tensor, _ noise: Tensor, index: Int) -> Tensor {
        onLine(picture, noise, level: levels[index])
    }

    package func step(_ prediction: Tensor, index: Int, latents: Tensor, noise: Tensor? = nil) -> Tensor {
        add(latents, scaled(prediction, by: levels[index + 1] - levels[index]))
    }
}

/// Steps along the mean of the velocities at both ends, as diffusers' `FlowMatchHeunDiscreteScheduler`: two
/// calls of the network for each but the last.
package struct FlowHeunSampler: Sampler {
    package let levels: [Float]
    /// Every level but the first twice: at its end a step is looked at again.
    package let times: [Float]
    /// Where the step began, with the velocity there.
    private var start: (latents: Tensor, velocity: Tensor)?

    /// - Parameter levels: as `FlowSchedule.levels` gives them.
    package init(levels: [Float], timestepCount: Int = 1000) {
        self.levels = levels
        let once = levels.dropLast().map { $0 * Float(timestepCount) }
        times = Array(once.prefix(1)) + once.dropFirst().flatMap { [$0, $0] }
    }

    package var order: Int { 2 }

    package func noised(_ picture: Tensor, _ noise: Tensor, index: Int) -> Tensor {
        // Before calls 0, 1, 2, 3, … the latents are at levels 0, 1, 1, 2, …
        onLine(picture, noise, level: levels[(index + 1) / 2])
    }

    package mutating func step(_ prediction: Tensor, index: Int, latents: Tensor, noise: Tensor? = nil) -> Tensor {
        // Calls 0, 2, 4, … begin a step, the others look at where it has led.
        let place = index / 2
        let width = levels[place + 1] - levels[place]
        guard index % 2 == 1, let (begin, velocity) = start else {
            start = (latents, prediction)
            return add(latents, scaled(prediction, by: width))
        }
        start = nil
        return add(begin, scaled(add(velocity, prediction), by: width / 2))
    }
}

/// (1 − s) x₀ + s ε.
private func onLine(_ picture: Tensor, _ noise: Tensor, level: Float) -> Tensor {
    level == 0 ? picture : add(scaled(picture, by: 1 - level), scaled(noise, by: level))
}
