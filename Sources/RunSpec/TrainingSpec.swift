/// What one job trains, typed: the resolved parameters and the seed.
package struct TrainingSpec: Equatable, Sendable {
    package var adapter: AdapterSpec
    package var optimiser: OptimiserSpec
    package var loss: LossSpec
    package var data: DataSpec
    /// Activations are computed again in the backward pass, to save memory.
    package var gradientCheckpointing: Bool
    /// "bf16"; nil for f32.
    package var precision: String?
    package var seed: Int

    /// Whether frozen weights stay half floats where that loses nothing: they are widened while they are
    /// packed, which is worth the memory, or costs nothing beside their rounding to bf16.
    package var keepsHalves: Bool { gradientCheckpointing || precision == "bf16" }

    /// - Parameter parameters: as `ParameterTable.resolve` returns them. What is missing or unsuited there
    ///   counts as the table's default or as absent, so that a job stored by an older table still reads.
    /// - Throws: `RunSpecError` where a parameter that decides everything (algorithm, layers, lr, epochs,
    ///   batch) is missing or unknown.
    package init(resolved parameters: [String: ParameterValue], seed: Int) throws(RunSpecError) {
        let read = ParameterReader(parameters)
        adapter = try AdapterSpec(read)
        optimiser = try OptimiserSpec(read)
        loss = LossSpec(read)
        data = try DataSpec(read)
        gradientCheckpointing = read.flag("checkpointing")
        precision = read.optionalText("precision")
        self.seed = seed
    }

    /// Resolves given parameters and types them: for tests and tools that start from a few names.
    ///
    /// - Throws: `RunSpecError` for an unknown name, a value out of range, or values impossible together.
    package init(_ given: [String: ParameterValue], seed: Int = 0) throws(RunSpecError) {
        try self.init(resolved: try ParameterTable.resolve(given).parameters, seed: seed)
    }
}

/// All members of all parts stand side by side in one map: `state.json` has had that form from the beginning.
extension TrainingSpec: Codable {
    private enum CodingKeys: String, CodingKey { case gradientCheckpointing, precision, seed }

    package init(from decoder: any Decoder) throws {
        adapter = try AdapterSpec(from: decoder)
        optimiser = try OptimiserSpec(from: decoder)
        loss = try LossSpec(from: decoder)
        data = try DataSpec(from: decoder)
        let map = try decoder.container(keyedBy: CodingKeys.self)
        gradientCheckpointing = try map.decode(Bool.self, forKey: .gradientCheckpointing)
        precision = try map.decodeIfPresent(String.self, forKey: .precision)
        seed = try map.decode(Int.self, forKey: .seed)
    }

    package func encode(to encoder: any Encoder) throws {
        try adapter.encode(to: encoder)
        try optimiser.encode(to: encoder)
        try loss.encode(to: encoder)
        try data.encode(to: encoder)
        var map = encoder.container(keyedBy: CodingKeys.self)
        try map.encode(gradientCheckpointing, forKey: .gradientCheckpointing)
        try map.encodeIfPresent(precision, forKey: .precision)
        try map.encode(seed, forKey: .seed)
    }
}
