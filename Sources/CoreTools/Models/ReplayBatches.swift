import CoreDiffusion
import CoreTensor

/// The given batches of a replay: `latents.i`, `noise.i`, `timesteps.i`, and `context.i` or `input_ids.i`, i
/// = 0, 1, …. SDXL's have `time_ids.i` too, and `text_embeds.i` or `input_ids_2.i`; a flow's have
/// `pooled_projections.i`, timesteps that may lie between whole ones, and `guidance.i` where it is not 1.
struct ReplayBatches {
    /// What the U-Net is conditioned on.
    enum Condition {
        case given(TextCondition)
        /// Token ids, for the text encoder; one row for each sample.
        case ids([[Int32]])
        /// Token ids for SDXL's two text encoders, and six picture sizes for each sample.
        case pairs([[Int32]], second: [[Int32]], sizes: [[Float]])
    }

    struct Batch {
        /// Scaled latents, `[B, H, W, C]`.
        let latents: Tensor
        let noise: Tensor
        /// Up to 1000; whole ones but for a flow.
        let times: [Float]
        let condition: Condition
        /// Of each sample's loss; nil for 1.
        let weights: [Float]?
    }

    private let file: SafetensorsFile
    let count: Int

    init(path: String) throws {
        file = try SafetensorsFile(path: path)
        let names = Set(file.names)
        var count = 0
        while names.contains("latents.\(count)") { count += 1 }
        guard count > 0 else {
            throw ReplayError(
                .badBatches,
                "\(path): no tensor latents.0; wanted latents.i, noise.i, timesteps.i, context.i or input_ids.i")
        }
        self.count = count
    }

    /// Whether the text encoder takes part.
    var hasIDs: Bool { file.info("input_ids.0") != nil && file.info("context.0") == nil }

    /// What a network wants besides the prompt's states.
    enum Kind {
        case plain
        /// Pooled text and picture sizes.
        case large
        /// Pooled text; times between whole ones.
        case flow
    }

    func batch(_ index: Int, _ kind: Kind) throws -> Batch {
        let latents = try image("latents.\(index)")
        let noise = try image("noise.\(index)")
        guard latents.shape == noise.shape else {
            throw wrong(
                "noise.\(index)", "found shape \(noise.shape), wanted that of the latents, \(latents.shape)")
        }
        let samples = latents.shape[0]
        let times = try times(index, samples, isFlow: kind == .flow)
        return Batch(
            latents: latents, noise: noise, times: times, condition: try condition(index, samples, kind),
            weights: try weights(index, samples))
    }

    private func times(_ index: Int, _ samples: Int, isFlow: Bool) throws -> [Float] {
        let name = "timesteps.\(index)"
        let times =
            isFlow ? try present(name) { try file.floats(name) } : try integers(name).values.map { Float($0) }
        guard times.count == samples else { throw wrong(name, "found \(times.count) timesteps, wanted \(samples)") }
        guard times.allSatisfy({ (0...1000).contains($0) }) else { throw wrong(name, "wanted numbers from 0 to 1000") }
        return times
    }

    private func weights(_ index: Int, _ samples: Int) throws -> [Float]? {
        let name = "loss_weights.\(index)"
        return file.info(name) == nil ? nil : try tensor(name, [samples]).values
    }

    /// The batches of each optimiser step: `step.i` tells those that add up to one; without it each is its
    /// own.
    func steps() throws -> [Range<Int>] {
        var steps: [(number: Int64, batches: Range<Int>)] = []
        for index in 0..<count {
            let own = file.info("step.\(index)") == nil ? Int64(index) : try integers("step.\(index)").values.first
            let number = own ?? Int64(index)
            if let last = steps.last, last.number == number {
                steps[steps.count - 1].batches = last.batches.lowerBound..<index + 1
            } else {
                steps.append((number, index..<index + 1))
            }
        }
        return steps.map(\.batches)
    }

    private func condition(_ index: Int, _ samples: Int, _ kind: Kind) throws -> Condition {
        if kind == .flow {
            let states = try tensor("context.\(index)", [samples, nil, nil])
            var condition = TextCondition(
                states: states, pooled: try tensor("pooled_projections.\(index)", [samples, nil]))
            if file.info("guidance.\(index)") != nil {
                condition.guidance = try present("guidance.\(index)") { try file.floats("guidance.\(index)") }.first
            }
            return .given(condition)
        }
        guard kind == .large else {
            return hasIDs
                ? .ids(try ids("input_ids.\(index)", samples: samples))
                : .given(TextCondition(states: try tensor("context.\(index)", [samples, nil, nil])))
        }
        let values = try tensor("time_ids.\(index)", [samples, 6]).values
        let sizes = (0..<samples).map { Array(values[6 * $0..<6 * $0 + 6]) }
        guard hasIDs else {
            let pooled = try tensor("text_embeds.\(index)", [samples, nil])
            let states = try tensor("context.\(index)", [samples, nil, nil])
            return .given(TextCondition(states: states, added: .init(text: pooled, sizes: sizes)))
        }
        return .pairs(
            try ids("input_ids.\(index)", samples: samples), second: try ids("input_ids_2.\(index)", samples: samples),
            sizes: sizes)
    }

    /// A tensor in the reference libraries' order (NCHW), channels last.
    private func image(_ name: String) throws -> Tensor {
        let tensor = try present(name) { try file.tensor(name) }
        guard tensor.shape.count == 4 else { throw wrong(name, "found shape \(tensor.shape), wanted [B, C, H, W]") }
        return permuted(tensor, [0, 2, 3, 1])
    }

    /// - Parameter wanted: nil for any length.
    private func tensor(_ name: String, _ wanted: [Int?]) throws -> Tensor {
        let tensor = try present(name) { try file.tensor(name) }
        guard tensor.shape.count == wanted.count, zip(tensor.shape, wanted).allSatisfy({ $1 == nil || $0 == $1 }) else {
            let shape = wanted.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
            throw wrong(name, "found shape \(tensor.shape), wanted [\(shape)]")
        }
        return tensor
    }

    private func ids(_ name: String, samples: Int) throws -> [[Int32]] {
        let (shape, values) = try integers(name)
        guard shape.count == 2, shape[0] == samples else {
            throw wrong(name, "found shape \(shape), wanted [\(samples), tokens]")
        }
        return (0..<samples).map { row in
            values[row * shape[1]..<(row + 1) * shape[1]].map { Int32(truncatingIfNeeded: $0) }
        }
    }

    private func integers(_ name: String) throws -> (shape: [Int], values: [Int64]) {
        let values = try present(name) { try file.integers(name) }
        return (file.info(name)?.shape ?? [], values)
    }

    private func present<T>(_ name: String, _ read: () throws -> T) throws -> T {
        guard file.info(name) != nil else { throw wrong(name, "missing; the file has \(count) batches of latents") }
        return try read()
    }

    private func wrong(_ name: String, _ what: String) -> ReplayError {
        ReplayError(.badBatches, "\(file.path): \(name): \(what)")
    }
}
