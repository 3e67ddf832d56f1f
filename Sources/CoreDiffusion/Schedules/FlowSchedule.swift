package import CoreTensor
import Foundation

/// The noise levels of a rectified flow, on the straight line from the picture (0) to noise (1), and how they
/// are shifted towards noise for larger pictures.
///
/// - SeeAlso: Esser et al., “Scaling rectified flow transformers for high-resolution image synthesis”,
///   arXiv:2403.03206.
package struct FlowSchedule: Equatable, Sendable {
    package enum Curve: String, CaseIterable, Sendable { case exponential, linear }

    package var timestepCount = 1000
    /// The shift of pictures of every size.
    package var shift = 1.0
    /// Whether the shift grows with the number of image tokens instead.
    package var isDynamic = false
    package var baseShift = 0.5
    package var maxShift = 1.15
    package var baseTokens = 256
    package var maxTokens = 4096
    package var curve = Curve.exponential
    /// The last level before 0, to which the others are stretched; nil leaves them.
    package var terminal: Double?

    package init(shift: Double = 1) { self.shift = shift }

    /// Reads diffusers' `scheduler_config.json` of `FlowMatchEulerDiscreteScheduler` or its Heun sibling.
    ///
    /// - Throws: `DiffusionError` naming the key that asks for something else.
    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        try reader.support(
            "_class_name", only: .text("FlowMatchEulerDiscreteScheduler"), .text("FlowMatchHeunDiscreteScheduler"))
        timestepCount = try reader.integer("num_train_timesteps") ?? 1000
        shift = try reader.number("shift") ?? 1
        isDynamic = try reader.flag("use_dynamic_shifting") ?? false
        baseShift = try reader.number("base_shift") ?? baseShift
        maxShift = try reader.number("max_shift") ?? maxShift
        baseTokens = try reader.integer("base_image_seq_len") ?? baseTokens
        maxTokens = try reader.integer("max_image_seq_len") ?? maxTokens
        terminal = try reader.number("shift_terminal")
        if let name = try reader.text("time_shift_type") {
            guard let found = Curve(rawValue: name) else {
                throw reader.wrong("time_shift_type", wanted: "exponential or linear")
            }
            curve = found
        }
        for key in [
            "invert_sigmas", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "stochastic_sampling",
        ] {
            try reader.support(key, only: .flag(false))
        }
        try reader.finish()
        try reader.bound("num_train_timesteps", timestepCount, 1...1_000_000)
        guard shift > 0, shift.isFinite else { throw reader.wrong("shift", wanted: "more than 0") }
        guard maxTokens > baseTokens, baseTokens > 0 else {
            throw reader.wrong("max_image_seq_len", wanted: "more than base_image_seq_len")
        }
        guard terminal == nil || (0..<1).contains(terminal ?? 0) else {
            throw reader.wrong("shift_terminal", wanted: "a number from 0 to less than 1")
        }
    }

    /// The exponent of the shift for so many image tokens: on a line through two sizes.
    package func exponent(tokens: Int) -> Double {
        let slope = (maxShift - baseShift) / Double(maxTokens - baseTokens)
        return Double(tokens) * slope + (baseShift - slope * Double(baseTokens))
    }

    /// A level moved towards noise: k s / (1 + (k − 1) s).
    ///
    /// - Parameter tokens: of the image; counts where the shift is dynamic.
    package func shifted(_ level: Double, tokens: Int) -> Double {
        guard level > 0 else { return 0 }
        let factor =
            !isDynamic ? shift : curve == .exponential ? exp(exponent(tokens: tokens)) : exponent(tokens: tokens)
        return factor / (factor + (1 / level - 1))
    }

    /// The levels that a sampler visits, noisiest first, and 0 at the end.
    ///
    /// - Parameters:
    ///   - evenly: from 1 in even steps, as Flux's pipeline asks; else from the largest to the smallest level
    ///     of the training table, which the shift has moved once already, as Stable Diffusion 3's.
    ///   - tokens: of the image.
    package func levels(steps: Int, evenly: Bool, tokens: Int) -> [Float] {
        var levels: [Double]
        if evenly {
            let last = 1 / Double(steps)
            levels = (0..<steps).map { Double(Float(steps == 1 ? 1 : 1 + (last - 1) * Double($0) / Double(steps - 1))) }
        } else {
            let smallest = 1 / Double(timestepCount)
            let last = isDynamic ? smallest : shifted(smallest, tokens: tokens)
            levels = (0..<steps).map { steps == 1 ? 1 : 1 + (last - 1) * Double($0) / Double(steps - 1) }
        }
        levels = levels.map { shifted($0, tokens: tokens) }
        if let terminal, let last = levels.last {
            let factor = (1 - last) / (1 - terminal)
            levels = levels.map { 1 - (1 - $0) / factor }
        }
        return levels.map { Float($0) } + [0]
    }

    /// (1 − s) x₀ + s ε, each sample at its own level.
    package func addNoise(_ latents: Tensor, _ noise: Tensor, levels: [Float]) -> Tensor {
        add(scaleSamples(latents, levels.map { 1 - $0 }), scaleSamples(noise, levels))
    }

    /// What the network should answer: the velocity from picture to noise.
    package func target(_ latents: Tensor, _ noise: Tensor) -> Tensor { subtract(noise, latents) }

    /// What `scheduler_config.json` holds.
    package var json: [String: JSONValue] {
        [
            "_class_name": .text("FlowMatchEulerDiscreteScheduler"), "_diffusers_version": .text("0.35.0"),
            "num_train_timesteps": .number(Double(timestepCount)), "shift": .number(shift),
            "use_dynamic_shifting": .flag(isDynamic), "base_shift": .number(baseShift),
            "max_shift": .number(maxShift), "base_image_seq_len": .number(Double(baseTokens)),
            "max_image_seq_len": .number(Double(maxTokens)), "time_shift_type": .text(curve.rawValue),
            "shift_terminal": terminal.map { .number($0) } ?? .null,
        ]
    }
}
