extension NoiseSchedule {
    /// Reads diffusers' `scheduler_config.json` of any scheduler that shares DDPM's noise. A key that is left
    /// out has the value that the class named in the file gives it.
    ///
    /// - Throws: `DiffusionError` naming the key that asks for something else.
    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        let defaults = try SchedulerDefaults(className: try reader.text("_class_name"), path: path)
        let count = try reader.integer("num_train_timesteps") ?? 1000
        guard (1...1_000_000).contains(count) else {
            throw reader.wrong("num_train_timesteps", wanted: "a number from 1 to 1000000")
        }
        try reader.support("trained_betas")
        self.init(
            timesteps: count, betaStart: try reader.number("beta_start") ?? defaults.betaStart,
            betaEnd: try reader.number("beta_end") ?? defaults.betaEnd,
            betas: try Self.choice(&reader, "beta_schedule") ?? defaults.betas,
            prediction: try Self.choice(&reader, "prediction_type") ?? .epsilon,
            zeroTerminal: try reader.flag("rescale_betas_zero_snr") ?? false)
        spacing = try Self.choice(&reader, "timestep_spacing")
        stepsOffset = try reader.integer("steps_offset") ?? 0
        guard (0..<count).contains(stepsOffset) else { throw reader.wrong("steps_offset", wanted: "a timestep") }
        setAlphaToOne = try reader.flag("set_alpha_to_one") ?? defaults.setAlphaToOne
        clipSample = try reader.flag("clip_sample") ?? defaults.clipSample
        clipRange = try reader.number("clip_sample_range") ?? 1
        guard clipRange > 0, clipRange.isFinite else { throw reader.wrong("clip_sample_range", wanted: "more than 0") }
        try Self.refuseUnsupported(&reader)
    }

    /// Keys of other samplers that shape their path; which sampler runs is not the file's choice.
    private static func refuseUnsupported(_ reader: inout ConfigurationReader) throws {
        let off = [
            "thresholding", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_flow_sigmas",
            "use_lu_lambdas", "use_dynamic_shifting",
        ]
        for key in off { try reader.support(key, only: .flag(false)) }
        for key in ["sigma_min", "sigma_max"] { try reader.support(key) }
        try reader.support("interpolation_type", only: .text("linear"))
        try reader.support("timestep_type", only: .text("discrete"))
        try reader.support("final_sigmas_type", only: .text("zero"))
        reader.ignore(
            "skip_prk_steps", "solver_order", "solver_type", "solver_p", "algorithm_type",
            "lower_order_final", "euler_at_final", "predict_x0", "disable_corrector", "variance_type",
            "lambda_min_clipped", "dynamic_thresholding_ratio", "sample_max_value", "flow_shift", "time_shift_type",
            "original_inference_steps", "timestep_scaling")
        try reader.finish()
    }

    /// What `scheduler_config.json` holds, as a `DDIMScheduler`.
    package var json: [String: JSONValue] {
        var json: [String: JSONValue] = [
            "_class_name": .text("DDIMScheduler"), "_diffusers_version": .text("0.35.0"),
            "num_train_timesteps": .number(Double(timestepCount)), "beta_start": .number(betaStart),
            "beta_end": .number(betaEnd), "beta_schedule": .text(betas.rawValue),
            "prediction_type": .text(prediction.rawValue),
            "steps_offset": .number(Double(stepsOffset)), "set_alpha_to_one": .flag(setAlphaToOne),
            "clip_sample": .flag(clipSample), "trained_betas": .null,
            "rescale_betas_zero_snr": .flag(alphas.last == 0),
        ]
        if clipRange != 1 { json["clip_sample_range"] = .number(clipRange) }
        if let spacing { json["timestep_spacing"] = .text(spacing.rawValue) }
        return json
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
