extension ParameterTable {
    /// How pictures are edited without training. They decide nothing of a training, and are in no id of one.
    package static let editParameters: [ParameterDefinition] = [
        ParameterDefinition(
            "steps", .integer, default: .value(28), foreign: ["num_inference_steps"], range: .from(1, through: 1000),
            methods: Set(EditMethod.allCases), "steps from noise to picture"),
        ParameterDefinition(
            "guidance", .number, default: .value(3.5), foreign: ["guidance_scale", "cfg"], range: .atLeast(0),
            methods: [.fluxspace, .rfInversion, .sdedit], "guidance of the prompt: embedded, or by a second pass"),
        ParameterDefinition(
            "variant", .choice(EditVariant.allCases.map(\.rawValue)), default: .value("length-keeping"),
            methods: [.fluxspace], "which form of FluxSpace; a scale means nothing without it"),
        ParameterDefinition(
            "coarse", .number, default: .value(0), foreign: ["lambda_coarse"], range: .from(-1, through: 1),
            methods: [.fluxspace], "scale of the change of the pooled prompt; 0 for none"),
        ParameterDefinition(
            "fine", .number, default: .value(0), foreign: ["lambda_fine"], methods: [.fluxspace],
            "scale of the change of the attention's results; 0 for none"),
        ParameterDefinition(
            "tau", .number, default: .value(0.5), range: .atLeast(0), methods: [.fluxspace],
            "threshold of the mask: 0 is all of the picture, above 1 nothing"),
        ParameterDefinition(
            "start", .integer, default: .value(0), range: .atLeast(0), methods: [.fluxspace],
            "first step of the change, from 0"),
        ParameterDefinition(
            "stop", .integer, range: .atLeast(0), methods: [.fluxspace],
            "last step of the fine change; absent: to the end"),
        ParameterDefinition(
            "n_max", .integer, default: .value(24), range: .atLeast(0), methods: [.flowedit],
            "so many last steps edit: more of them change more"),
        ParameterDefinition(
            "n_min", .integer, default: .value(0), range: .atLeast(0), methods: [.flowedit],
            "so many last steps draw as usual, from one noise"),
        ParameterDefinition(
            "n_avg", .integer, default: .value(1), range: .atLeast(1), methods: [.flowedit],
            "draws of noise that each step is averaged over"),
        ParameterDefinition(
            "source_guidance", .number, default: .value(1.5), foreign: ["src_cfg"], range: .atLeast(0),
            methods: [.flowedit], "guidance of the prompt that says what the picture shows"),
        ParameterDefinition(
            "target_guidance", .number, default: .value(5.5), foreign: ["tar_cfg"], range: .atLeast(0),
            methods: [.flowedit], "guidance of the prompt that says what it shall show"),
        ParameterDefinition(
            "gamma", .number, default: .value(0.5), range: .from(0, through: 1), methods: inverting,
            "how far the way from picture to noise is steered"),
        ParameterDefinition(
            "eta", .number, default: .value(0.9), range: .from(0, through: 1), methods: inverting,
            "how far the way back is steered towards the picture"),
        ParameterDefinition(
            "eta_start", .number, default: .value(0), range: .from(0, through: 1), methods: inverting,
            "from where the way back is steered, as a share of the steps"),
        ParameterDefinition(
            "eta_stop", .number, default: .value(0.25), range: .from(0, through: 1), methods: inverting,
            "up to where the way back is steered, as a share of the steps"),
        ParameterDefinition(
            "strength", .number, default: .value(0.6), range: .from(0, through: 1), methods: [.sdedit],
            "share of the steps that draw: 0 returns the picture"),
    ]

    private static let inverting: Set<EditMethod> = [.fluxspace, .rfInversion]

    /// Of pictures, whether they are trained on or edited.
    private static let shared: Set<String> = ["algorithm", "resolution"]

    /// Drops what the method cannot use and fills in the defaults.
    ///
    /// - Parameter values: checked, aliases folded.
    /// - Throws: `RunSpecError` for values impossible together.
    static func resolve(
        _ values: [String: ParameterValue], editing method: EditMethod
    ) throws(RunSpecError) -> ResolvedParameters {
        var kept = values.filter { shared.contains($0.key) }
        for definition in editParameters where definition.methods?.contains(method) == true {
            if let given = values[definition.name] {
                kept[definition.name] = given
            } else if case .value(let standard) = definition.default {
                kept[definition.name] = standard
            }
        }
        let dropped = values.keys.filter { kept[$0] == nil }.sorted()
        _ = try EditSpec(resolved: kept)
        return ResolvedParameters(
            parameters: kept,
            dropped: dropped.map { .init(name: $0, reason: "\(method.rawValue) has no \($0)") })
    }
}
