extension ParameterTable {
    /// What the adapter is: algorithm, layers, size, variants.
    package static let adapterParameters: [ParameterDefinition] = [
        ParameterDefinition(
            "algorithm",
            .choice(
                Algorithm.allCases.filter { $0.canonical == $0 }.map(\.rawValue) + EditMethod.allCases.map(\.rawValue)),
            default: .value("lora"),
            aliases: ["locon": "lora"], foreign: ["algo", "method", "network_module", "peft_type"],
            "fine-tuning algorithm, or a way of editing pictures without training; locon is another name of lora"),
        ParameterDefinition(
            "layers", .layers, default: .value("attn-mlp"), foreign: ["preset", "target_modules", "targets"],
            "which layers get adapters: a preset, or a map {classes, names, exclude}"),
        ParameterDefinition(
            "dim", .integer, default: .value(4), foreign: ["rank", "r", "network_dim", "lora_dim", "lora_rank"],
            range: .atLeast(1), algorithms: ranked, "rank of the update; LoKr without dim trains its full matrix"),
        ParameterDefinition(
            "alpha", .number, default: .sameAs("dim"), foreign: ["network_alpha", "lora_alpha"], range: .atLeast(0),
            algorithms: scaled, "the update is scaled by alpha / dim; 0 means dim"),
        ParameterDefinition(
            "conv_dim", .integer, default: .sameAs("dim"), foreign: ["conv_rank"], range: .atLeast(0),
            algorithms: ranked,
            "dim of k×k convolutions, in presets that have them; 0 leaves them out"),
        ParameterDefinition(
            "conv_alpha", .number, default: .sameAs("alpha"), range: .atLeast(0), algorithms: scaled,
            "alpha of k×k convolutions; 0 means conv_dim"),
        ParameterDefinition(
            "factor", .integer, default: .value(-1), range: .atLeast(-1), algorithms: kronecker,
            "bound of LoKr's smaller factor; -1 splits as evenly as possible"),
        ParameterDefinition(
            "train_norm", .flag, default: .value(false), "train the normalisation layers of the selected blocks too"),
        ParameterDefinition(
            "dropout", .number, default: .value(0), foreign: ["network_dropout", "lora_dropout"],
            range: .from(0, below: 1), algorithms: [.lora, .locon],
            "dropout on the rank activations, scaled by 1 / (1 - p)"),
        ParameterDefinition(
            "rank_dropout", .number, default: .value(0), range: .from(0, below: 1),
            algorithms: Set(Algorithm.allCases).subtracting([.ia3]),
            "share of output rows of the update left out of a step"),
        ParameterDefinition(
            "module_dropout", .number, default: .value(0), range: .from(0, below: 1),
            "share of adapters left out of a step"),
        ParameterDefinition(
            "use_tucker", .flag, default: .value(false), foreign: ["use_cp", "use_conv_cp"],
            algorithms: [.lora, .locon, .loha, .lokr, .glokr], "Tucker decomposition of k×k convolutions"),
        ParameterDefinition(
            "use_scalar", .flag, default: .value(false), algorithms: [.lora, .locon, .loha, .lokr, .glora, .glokr],
            "one learnable scalar times the update"),
        ParameterDefinition(
            "rs_lora", .flag, default: .value(false), foreign: ["use_rslora", "rslora"],
            algorithms: [.lora, .locon, .loha, .lokr, .glora, .glokr], "scale by alpha / sqrt(dim)"),
        ParameterDefinition(
            "dora", .flag, default: .value(false), foreign: ["dora_wd", "weight_decompose", "use_dora"],
            algorithms: [.lora, .locon, .loha, .lokr], "learn the magnitude of each row apart (DoRA)"),
        ParameterDefinition(
            "wd_on_output", .flag, default: .value(true), algorithms: [.lora, .locon, .loha, .lokr],
            "DoRA's magnitudes belong to output rows; false: to input columns"),
        ParameterDefinition(
            "decompose_both", .flag, default: .value(false), algorithms: kronecker,
            "LoKr: the smaller factor is low rank too"),
        ParameterDefinition(
            "full_matrix", .flag, default: .value(false), algorithms: kronecker, "LoKr: both factors are full matrices"),
        ParameterDefinition(
            "unbalanced_factorization", .flag, default: .value(false), algorithms: kronecker,
            "LoKr: the larger factor of the output side goes to the smaller block"),
        ParameterDefinition(
            "block_size", .integer, default: .value(4), foreign: ["unit"], range: .atLeast(1), algorithms: [.dylora],
            "DyLoRA: ranks trained together"),
        ParameterDefinition(
            "constraint", .number, default: .value(0), range: .atLeast(0), algorithms: [.diagOFT, .boft],
            "bound of the rotation's size; 0 for none"),
        ParameterDefinition(
            "rescaled", .flag, default: .value(false), algorithms: [.diagOFT, .boft],
            "one learnable factor per output row"),
        ParameterDefinition(
            "train_on_input", .flag, default: .value(false), algorithms: [.ia3],
            "(IA)³ on input columns instead of output rows"),
        ParameterDefinition(
            "min_rank", .integer, range: .atLeast(1), algorithms: [.lora, .locon],
            "T-LoRA: ranks that act at pure noise, growing to dim as the noise goes; absent: all always"),
        ParameterDefinition(
            "rank_power", .number, range: .atLeast(0), algorithms: [.lora, .locon],
            "T-LoRA: exponent of the growth, larger for fewer ranks at medium noise; absent: 1"),
        ParameterDefinition(
            "lora_start", .choice(LoRAStart.allCases.map(\.rawValue)), algorithms: [.lora, .locon],
            "orthogonal: start with orthonormal directions, taken off again; absent: LoRA's random and zero"),
        ParameterDefinition(
            "scale_weight_norms", .number, default: .value(0), range: .atLeast(0),
            algorithms: [.lora, .locon, .loha, .lokr, .dylora, .glokr], "largest norm of an update; 0 for none"),
        ParameterDefinition(
            "block_dims", .list(count: nil), range: .atLeast(0), algorithms: ranked,
            "dim of each U-Net block; 0 leaves it out"),
        ParameterDefinition(
            "block_alphas", .list(count: nil), range: .atLeast(0), algorithms: scaled, "alpha of each U-Net block"),
        ParameterDefinition(
            "block_lr", .list(count: nil), range: .atLeast(0),
            "learning-rate factor of each U-Net block; 0 leaves it out"),
    ]

    private static let ranked = Set(Algorithm.allCases).subtracting([.full, .ia3])
    private static let scaled: Set<Algorithm> = [.lora, .locon, .loha, .lokr, .dylora, .glora, .glokr]
    private static let kronecker: Set<Algorithm> = [.lokr, .glokr]
}
