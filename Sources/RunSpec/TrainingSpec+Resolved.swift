extension TrainingSpec {
    /// - Parameter parameters: as `ParameterTable.resolve` returns them. What is missing or unsuited there counts as its
    ///   inactive value, so that a job stored by an older table still reads.
    /// - Throws: `RunSpecError` where a parameter that decides everything (algorithm, layers, lr) is missing or unknown.
    package init(resolved parameters: [String: ParameterValue], seed: Int) throws(RunSpecError) {
        let read = ParameterReader(parameters)
        algorithm = try read.required("algorithm") { $0.text.flatMap(Algorithm.init(rawValue:)) }
        layers = try LayerSelection(try read.required("layers") { $0 })
        learningRate = try read.required("lr", \.number)
        dim = read.integer("dim")
        alpha = read.number("alpha")
        convDim = read.integer("conv_dim")
        convAlpha = read.number("conv_alpha")
        factor = read.integer("factor") ?? -1
        trainNorm = read.flag("train_norm")
        dropout = read.number("dropout") ?? 0
        rankDropout = read.number("rank_dropout") ?? 0
        moduleDropout = read.number("module_dropout") ?? 0
        useTucker = read.flag("use_tucker")
        useScalar = read.flag("use_scalar")
        rsLoRA = read.flag("rs_lora")
        dora = read.flag("dora")
        weightDecomposeOnOutput = parameters["wd_on_output"]?.flag ?? true
        decomposeBoth = read.flag("decompose_both")
        fullMatrix = read.flag("full_matrix")
        unbalancedFactorization = read.flag("unbalanced_factorization")
        blockSize = read.integer("block_size") ?? 4
        constraint = read.number("constraint") ?? 0
        rescaled = read.flag("rescaled")
        trainOnInput = read.flag("train_on_input")
        scaleWeightNorms = read.number("scale_weight_norms") ?? 0
        blockDims = read.numbers("block_dims")?.map { Int($0) }
        blockAlphas = read.numbers("block_alphas")
        blockLearningRates = read.numbers("block_lr")
        textEncoderLearningRate = read.number("text_encoder_lr")
        epochs = try read.required("epochs", \.integer)
        batch = try read.required("batch", \.integer)
        gradientAccumulation = read.integer("grad_accumulation") ?? 1
        resolution = read.pixels("resolution")
        optimizer = parameters["optimizer"]?.text ?? "adamw"
        weightDecay = read.number("weight_decay") ?? 0.01
        betas = read.numbers("betas") ?? [0.9, 0.999]
        epsilon = read.number("epsilon") ?? 1e-8
        warmupSteps = read.integer("warmup_steps") ?? 0
        schedule = parameters["schedule"]?.text.flatMap(Schedule.init(rawValue:)) ?? .constant
        cycles = read.integer("lr_cycles") ?? 1
        maxGradNorm = read.number("max_grad_norm") ?? 1
        captionDropout = read.number("caption_dropout") ?? 0
        minSNRGamma = read.number("min_snr_gamma").flatMap { $0 > 0 ? $0 : nil }
        priorLossWeight = read.number("prior_loss_weight") ?? 1
        noiseOffset = read.number("noise_offset") ?? 0
        clipSkip = read.integer("clip_skip") ?? 1
        predictionType = parameters["prediction_type"]?.text
        zeroTerminalSNR = read.flag("zero_terminal_snr")
        flip = read.flag("flip")
        buckets = read.flag("buckets")
        maxTokenLength = read.integer("max_token_length") ?? 75
        gradientCheckpointing = read.flag("checkpointing")
        self.seed = seed
    }

    /// Resolves given parameters and types them: for tests and tools that start from a few names.
    package init(_ given: [String: ParameterValue], seed: Int = 0) throws(RunSpecError) {
        try self.init(resolved: try ParameterTable.resolve(given).parameters, seed: seed)
    }
}

/// Typed access to resolved parameters.
private struct ParameterReader {
    let values: [String: ParameterValue]

    init(_ values: [String: ParameterValue]) { self.values = values }

    func required<T>(_ name: String, _ read: (ParameterValue) -> T?) throws(RunSpecError) -> T {
        guard let value = values[name] else {
            throw RunSpecError(
                code: .badParameter, message: "\(name) is missing from the resolved parameters", parameter: name)
        }
        guard let typed = read(value) else {
            throw RunSpecError(code: .badParameter, message: "\(name) is \(value), which does not fit", parameter: name)
        }
        return typed
    }

    func number(_ name: String) -> Double? { values[name]?.number }
    func integer(_ name: String) -> Int? { values[name]?.integer }
    func flag(_ name: String) -> Bool { values[name]?.flag ?? false }
    func numbers(_ name: String) -> [Double]? { values[name]?.list?.compactMap(\.number) }

    func pixels(_ name: String) -> PixelSize? {
        if let side = integer(name) { return PixelSize(width: side, height: side) }
        guard let sides = values[name]?.list?.compactMap(\.integer), sides.count == 2 else { return nil }
        return PixelSize(width: sides[0], height: sides[1])
    }
}
