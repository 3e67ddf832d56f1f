package import RunSpec

/// A job's settings as a configuration file of kohya's sd-scripts (`--config_file`), with LyCORIS as the
/// network's module: its names are those of this program's algorithms and presets.
///
/// Names after sd-scripts' `train_util` and LyCORIS' `kohya.py`. What these programs have no name for is
/// listed in ``left``: they accept unknown keys silently, so none is written.
package struct KohyaSettings: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
        case text(String)
        case number(Double)
        case flag(Bool)
        case texts([String])
    }

    package var entries: [(key: String, value: Value)] = []
    /// Parameters that decide the result here and cannot be said there.
    package private(set) var left: [String] = []

    /// Where the settings come from and which files they name.
    package struct Surroundings: Equatable, Sendable {
        package var base: String?
        package var data: String?
        package var regData: String?
        /// Name of the adapter's file, without its ending.
        package var output: String

        package init(base: String?, data: String?, regData: String? = nil, output: String) {
            self.base = base
            self.data = data
            self.regData = regData
            self.output = output
        }
    }

    package static func == (a: Self, b: Self) -> Bool {
        a.left == b.left && a.entries.elementsEqual(b.entries) { $0.key == $1.key && $0.value == $1.value }
    }

    /// - Parameter parameters: resolved ones of a job of the core.
    package init(_ parameters: [String: ParameterValue], seed: Int, _ around: Surroundings) {
        var rest = parameters
        add("pretrained_model_name_or_path", around.base.map { .text($0) })
        add("train_data_dir", around.data.map { .text($0) })
        add("reg_data_dir", around.regData.map { .text($0) })
        add("output_dir", .text("output"))
        add("output_name", .text(around.output))
        add("save_model_as", .text("safetensors"))
        addNetwork(&rest)
        addOptimiser(&rest)
        for (name, key) in Self.sameMeaning { add(key, Self.plain(rest.removeValue(forKey: name))) }
        addSwitches(&rest)
        add("seed", .number(Double(seed)))
        rest["seed"] = nil
        left += rest.keys.filter { !Self.meaningless(rest[$0]) }
        left.sort()
    }

    /// The parameter here and the key there, where value and unit are the same.
    private static let sameMeaning = [
        ("epochs", "max_train_epochs"), ("batch", "train_batch_size"),
        ("grad_accumulation", "gradient_accumulation_steps"), ("max_grad_norm", "max_grad_norm"),
        ("prior_loss_weight", "prior_loss_weight"),
    ]

    private mutating func addNetwork(_ rest: inout [String: ParameterValue]) {
        add("network_module", .text("lycoris.kohya"))
        // The customary dim of a full matrix.
        let isFull = rest["full_matrix"]?.flag == true
        add("network_dim", Self.plain(rest.removeValue(forKey: "dim")) ?? (isFull ? .number(10_000) : nil))
        add("network_alpha", Self.plain(rest.removeValue(forKey: "alpha")) ?? (isFull ? .number(10_000) : nil))
        var arguments = ["algo=\(rest.removeValue(forKey: "algorithm")?.text ?? Algorithm.lora.rawValue)"]
        switch rest["layers"] {
        case .text(let preset)?:
            arguments.append("preset=\(preset)")
            rest["layers"] = nil
        default: break
        }
        for name in Self.networkArguments {
            guard let value = rest.removeValue(forKey: name) else { continue }
            // The size of convolutions counts as it is; elsewhere 0 and false are what LyCORIS takes anyway.
            if !Self.meaningless(value) || name.hasPrefix("conv_") {
                arguments.append("\(name)=\(Self.python(value))")
            }
        }
        if rest.removeValue(forKey: "dora")?.flag == true {
            arguments.append("dora_wd=True")
            if rest["wd_on_output"]?.flag == false { arguments.append("wd_on_output=False") }
        }
        rest["wd_on_output"] = nil
        add("network_args", .texts(arguments))
        if let dropout = rest.removeValue(forKey: "dropout"), !Self.meaningless(dropout) {
            add("network_dropout", Self.plain(dropout))
        }
        let limit = rest.removeValue(forKey: "scale_weight_norms")
        if !Self.meaningless(limit) { add("scale_weight_norms", Self.plain(limit)) }
    }

    private static let networkArguments = [
        "conv_dim", "conv_alpha", "factor", "train_norm", "rank_dropout", "module_dropout", "use_tucker", "use_scalar",
        "rs_lora", "decompose_both", "full_matrix", "unbalanced_factorization", "block_size", "constraint", "rescaled",
    ]

    private mutating func addOptimiser(_ rest: inout [String: ParameterValue]) {
        let rate = rest.removeValue(forKey: "lr")
        add("learning_rate", Self.plain(rate))
        add("unet_lr", Self.plain(rate))
        add("text_encoder_lr", Self.plain(rest.removeValue(forKey: "text_encoder_lr")))
        let optimiser = rest.removeValue(forKey: "optimizer")?.text
        add("optimizer_type", .text(optimiser == "adamw" ? "AdamW" : optimiser ?? "AdamW"))
        var arguments: [String] = []
        if let decay = rest.removeValue(forKey: "weight_decay") { arguments.append("weight_decay=\(decay)") }
        if let betas = rest.removeValue(forKey: "betas")?.list {
            arguments.append("betas=" + betas.map(\.description).joined(separator: ","))
        }
        if let epsilon = rest.removeValue(forKey: "epsilon") { arguments.append("eps=\(epsilon)") }
        if !arguments.isEmpty { add("optimizer_args", .texts(arguments)) }
        let warmup = rest.removeValue(forKey: "warmup_steps")?.integer ?? 0
        let schedule = rest.removeValue(forKey: "schedule")?.text ?? Schedule.constant.rawValue
        let cycles = rest.removeValue(forKey: "lr_cycles")
        switch Schedule(rawValue: schedule) {
        case .constant: add("lr_scheduler", .text(warmup > 0 ? "constant_with_warmup" : "constant"))
        case .cosineRestarts:
            add("lr_scheduler", .text("cosine_with_restarts"))
            add("lr_scheduler_num_cycles", Self.plain(cycles))
        default: add("lr_scheduler", .text(schedule))
        }
        if warmup > 0 { add("lr_warmup_steps", .number(Double(warmup))) }
    }

    private mutating func addSwitches(_ rest: inout [String: ParameterValue]) {
        switch rest.removeValue(forKey: "resolution") {
        case .number(let side)?: add("resolution", .text("\(Int(side)),\(Int(side))"))
        case .list(let sides)?: add("resolution", .text(sides.map(\.description).joined(separator: ",")))
        default: break
        }
        // There 0 and absence mean the same.
        for (name, key) in [
            ("caption_dropout", "caption_dropout_rate"), ("min_snr_gamma", "min_snr_gamma"),
            ("noise_offset", "noise_offset"), ("flip", "flip_aug"), ("buckets", "enable_bucket"),
            ("checkpointing", "gradient_checkpointing"), ("zero_terminal_snr", "zero_terminal_snr"),
        ] {
            let value = rest.removeValue(forKey: name)
            if !Self.meaningless(value) { add(key, Self.plain(value)) }
        }
        // 1 here is the last layer, as there.
        if let skip = rest.removeValue(forKey: "clip_skip")?.integer, skip > 1 {
            add("clip_skip", .number(Double(skip)))
        }
        if let tokens = rest.removeValue(forKey: "max_token_length")?.integer, tokens > 75 {
            add("max_token_length", .number(Double(tokens)))
        }
        if rest.removeValue(forKey: "prediction_type")?.text == "v_prediction" {
            add("v_parameterization", .flag(true))
        }
    }

    private mutating func add(_ key: String, _ value: Value?) {
        if let value { entries.append((key, value)) }
    }

    private static func plain(_ value: ParameterValue?) -> Value? {
        switch value {
        case .number(let number)?: .number(number)
        case .text(let text)?: .text(text)
        case .flag(let flag)?: .flag(flag)
        case .list, .map, .null, nil: nil
        }
    }

    /// 0, false and nothing: what leaves the default in place.
    private static func meaningless(_ value: ParameterValue?) -> Bool {
        switch value {
        case nil, .null?: true
        case .number(let number)?: number == 0
        case .flag(let flag)?: !flag
        default: false
        }
    }

    /// As LyCORIS reads arguments.
    private static func python(_ value: ParameterValue) -> String {
        if let flag = value.flag { return flag ? "True" : "False" }
        return value.description
    }
}

extension KohyaSettings {
    /// Whether readers of plain LoRA files (diffusers' `load_lora_weights`) take the adapter.
    package static func isPlainLoRA(_ parameters: [String: ParameterValue]) -> Bool {
        guard let algorithm = Algorithm(rawValue: parameters["algorithm"]?.text ?? "") else { return false }
        return AdapterRegistry.of(algorithm).networkModule == LoRAAlgorithm().networkModule
            && parameters["train_norm"]?.flag != true && parameters["use_tucker"]?.flag != true
    }

    /// The file's text.
    ///
    /// - Parameter remarks: lines to begin with.
    package func toml(remarks: [String] = []) -> String {
        var lines = remarks.map { "# \($0)" }
        if !left.isEmpty {
            lines.append(
                "# Not said here, since sd-scripts and LyCORIS have no key for it: \(left.joined(separator: ", ")).")
        }
        lines += entries.map { "\($0.key) = \(Self.text($0.value))" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func text(_ value: Value) -> String {
        switch value {
        case .text(let text): QuotedText.of(text)
        case .flag(let flag): flag ? "true" : "false"
        case .texts(let texts): "[" + texts.map(QuotedText.of).joined(separator: ", ") + "]"
        case .number(let number): ParameterValue.number(number).description
        }
    }
}
