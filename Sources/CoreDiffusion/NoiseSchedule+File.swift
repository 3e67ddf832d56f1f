extension NoiseSchedule {
    /// Reads diffusers' `scheduler_config.json` of any scheduler that shares DDPM's noise.
    ///
    /// - Throws: `DiffusionError` naming the key that asks for something else.
    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        let count = try reader.integer("num_train_timesteps") ?? 1000
        guard (1...1_000_000).contains(count) else {
            throw reader.wrong("num_train_timesteps", wanted: "a number from 1 to 1000000")
        }
        try reader.support("trained_betas")
        self.init(
            timesteps: count, betaStart: try reader.number("beta_start") ?? 0.0001,
            betaEnd: try reader.number("beta_end") ?? 0.02,
            betas: try Self.choice(&reader, "beta_schedule") ?? .linear,
            prediction: try Self.choice(&reader, "prediction_type") ?? .epsilon,
            zeroTerminal: try reader.flag("rescale_betas_zero_snr") ?? false)
        spacing = try Self.choice(&reader, "timestep_spacing") ?? .leading
        stepsOffset = try reader.integer("steps_offset") ?? 0
        guard (0..<count).contains(stepsOffset) else { throw reader.wrong("steps_offset", wanted: "a timestep") }
        setAlphaToOne = try reader.flag("set_alpha_to_one") ?? true
        clipSample = try reader.flag("clip_sample") ?? false
    }

    /// What `scheduler_config.json` holds, as a `DDIMScheduler`.
    package var json: [String: JSONValue] {
        [
            "_class_name": .text("DDIMScheduler"), "_diffusers_version": .text("0.35.0"),
            "num_train_timesteps": .number(Double(timestepCount)), "beta_start": .number(betaStart),
            "beta_end": .number(betaEnd), "beta_schedule": .text(betas.rawValue),
            "prediction_type": .text(prediction.rawValue), "timestep_spacing": .text(spacing.rawValue),
            "steps_offset": .number(Double(stepsOffset)), "set_alpha_to_one": .flag(setAlphaToOne),
            "clip_sample": .flag(clipSample), "trained_betas": .null,
            "rescale_betas_zero_snr": .flag(alphas.last == 0),
        ]
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ reader: inout ConfigurationReader, _ key: String
    ) throws -> Choice? where Choice.RawValue == String {
        guard let name = try reader.text(key) else { return nil }
        guard let choice = Choice(rawValue: name) else {
            throw reader.wrong(key, wanted: Choice.allCases.map(\.rawValue).joined(separator: " or "))
        }
        return choice
    }
}
