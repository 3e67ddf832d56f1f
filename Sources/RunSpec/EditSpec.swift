/// How pictures are edited: a method with all its parameters. Each method reads those that it has
/// (`ParameterDefinition.methods`) and leaves the others alone.
package struct EditSpec: Codable, Equatable, Sendable {
    package var method: EditMethod
    /// From noise to picture.
    package var steps: Int
    /// Of the edit's prompt: embedded, or by a second pass.
    package var guidance: Double
    /// FlowEdit: so many last steps edit, so many of these draw as usual, with so many draws of noise each.
    package var mostSteps: Int
    package var leastSteps: Int
    package var average: Int
    package var sourceGuidance: Double
    package var targetGuidance: Double
    /// FluxSpace: its form, the scales of the pooled prompt and of the attention's results, the threshold of
    /// the mask, the first step that changes and the last one (nil: to the end).
    package var variant: EditVariant
    package var coarse: Double
    package var fine: Double
    package var tau: Double
    package var start: Int
    package var stop: Int?
    /// RF-Inversion, and FluxSpace of a picture that is given: how far the ways to noise and back are
    /// steered, and from where to where the way back is, in shares of the steps.
    package var gamma: Double
    package var eta: Double
    package var etaStart: Double
    package var etaStop: Double
    /// SDEdit: share of the steps that draw.
    package var strength: Double
    /// In pixels; nil: the picture's own, or what the base was trained on.
    package var size: PixelSize?

    /// The table's defaults.
    package init(_ method: EditMethod) { self.init(method, ParameterReader([:])) }

    /// - Parameter parameters: as `ParameterTable.resolve` returns them.
    /// - Throws: `RunSpecError` where they name no method, or do not fit together.
    package init(resolved parameters: [String: ParameterValue]) throws(RunSpecError) {
        guard let method = EditMethod(parameters) else {
            throw RunSpecError(
                code: .badParameter,
                message: "algorithm is \(parameters["algorithm"] ?? .null); wanted one that edits pictures",
                parameter: "algorithm")
        }
        self.init(method, ParameterReader(parameters))
        try check()
    }

    private init(_ method: EditMethod, _ read: ParameterReader) {
        self.method = method
        steps = read.integer("steps")
        guidance = read.number("guidance")
        mostSteps = read.integer("n_max")
        leastSteps = read.integer("n_min")
        average = read.integer("n_avg")
        sourceGuidance = read.number("source_guidance")
        targetGuidance = read.number("target_guidance")
        variant = read.choice("variant")
        coarse = read.number("coarse")
        fine = read.number("fine")
        tau = read.number("tau")
        start = read.integer("start")
        stop = read.optionalInteger("stop")
        gamma = read.number("gamma")
        eta = read.number("eta")
        etaStart = read.number("eta_start")
        etaStop = read.number("eta_stop")
        strength = read.number("strength")
        size = read.optionalPixels("resolution")
    }

    /// - Throws: `RunSpecError` for values that are impossible together.
    package func check() throws(RunSpecError) {
        switch method {
        case .flowedit:
            guard leastSteps <= mostSteps, mostSteps <= steps else {
                throw RunSpecError(
                    code: .badParameter,
                    message: "n_min \(leastSteps), n_max \(mostSteps): wanted n_min ≤ n_max ≤ \(steps) steps",
                    parameter: "n_max")
            }
        case .fluxspace:
            guard start <= stop ?? start else {
                throw RunSpecError(
                    code: .badParameter, message: "start is \(start); wanted at most stop", parameter: "start")
            }
        case .rfInversion, .sdedit: break
        }
    }
}
