extension ParameterTable {
    /// Folds aliases, drops what the algorithm and the layers cannot use, and fills in the defaults.
    ///
    /// - Parameter given: what the sweep file says; `null` counts as not given.
    /// - Throws: `RunSpecError` for an unknown name, a value out of range, or values impossible together.
    package static func resolve(_ given: [String: ParameterValue]) throws(RunSpecError) -> ResolvedParameters {
        var values: [String: ParameterValue] = [:]
        // Sorted, so that of several faults always the same one is reported.
        for (name, value) in given.sorted(by: { $0.key < $1.key }) where !value.isNull {
            values[name] = try check(name, value)
        }
        values["seed"] = nil
        // What was so before it could be said: not part of an id.
        if values["precision"] == "f32" { values["precision"] = nil }
        if let method = EditMethod(values) { return try resolve(values, editing: method) }
        let algorithm = Algorithm(rawValue: values["algorithm"]?.text ?? "") ?? .lora
        let layers =
            try values["layers"].map { value throws(RunSpecError) in try LayerSelection(value) }
            ?? LayerSelection(.attnMLP)
        try refuseImpossible(values, algorithm: algorithm)

        foldFullMatrix(&values, algorithm: algorithm)
        var resolution = ParameterResolution(values: values, algorithm: algorithm, layers: layers)
        for definition in all { resolution.settle(definition) }
        resolution.dropOthers()
        try refuseInconsistent(resolution.values, algorithm: algorithm)
        return ResolvedParameters(parameters: resolution.values, dropped: resolution.dropped)
    }

    private static func refuseImpossible(_ values: [String: ParameterValue], algorithm: Algorithm) throws(RunSpecError)
    {
        if let dropout = values["dropout"]?.number, dropout > 0, !algorithm.has("dropout") {
            throw RunSpecError(
                code: .badParameter,
                message:
                    "dropout acts on the rank activations of lora only, not on \(algorithm.rawValue); use rank_dropout or module_dropout",
                parameter: "dropout")
        }
        if values["factor"]?.integer == 0 {
            throw RunSpecError(
                code: .badParameter, message: "factor is 0; wanted -1 or at least 1", parameter: "factor")
        }
    }

    private static func refuseInconsistent(_ values: [String: ParameterValue], algorithm: Algorithm)
        throws(RunSpecError)
    {
        // Only an algorithm that trains ranks in blocks has a block_size left here.
        if let dim = values["dim"]?.integer, let block = values["block_size"]?.integer, dim % block != 0 {
            throw RunSpecError(
                code: .badParameter,
                message: "dim \(dim) is not a multiple of block_size \(block), which \(algorithm.rawValue) needs",
                parameter: "dim")
        }
    }

    /// LoKr without a dim, and with the customary fake dim of 10000 and more, trains its full matrix: no
    /// layer of a known model has a factor of twice that size. Then scale is 1, and neither dim nor alpha
    /// decides anything.
    private static func foldFullMatrix(_ values: inout [String: ParameterValue], algorithm: Algorithm) {
        guard algorithm.has("full_matrix"), values["full_matrix"] == nil else { return }
        guard let dim = values["dim"]?.number else {
            values["full_matrix"] = true
            return
        }
        // Convolutions of a real rank, or a decomposed smaller factor, keep dims, alphas and scales in play.
        let convDim = values["conv_dim"]?.number ?? dim
        let isFullThroughout = dim >= 10_000 && (convDim >= 10_000 || convDim == 0)
        guard isFullThroughout, values["decompose_both"]?.flag != true else { return }
        values["full_matrix"] = true
        // Said on purpose, so no warning that they are ignored.
        for name in ["dim", "alpha", "conv_alpha"] { values[name] = nil }
        if convDim > 0 { values["conv_dim"] = nil }
    }
}
