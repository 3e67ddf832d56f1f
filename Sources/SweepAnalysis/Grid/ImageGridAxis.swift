package import RunSpec

/// One direction of an image grid, as it is asked for: `AXIS`, or `AXIS=VALUES`.
package struct ImageGridAxis: Equatable, Sendable {
    /// What can change from cell to cell.
    package enum Kind: Hashable, Sendable {
        /// Of a sweep's jobs, by name.
        case parameter(String)
        /// Of a checkpoint.
        case epoch, step
        /// Factor of the adapters' own strengths.
        case strength
        case prompt
        /// Of the noise that an image is drawn from.
        case seed
        /// One adapter after the other.
        case adapter
        /// Which of the adapter's blocks act.
        case blocks

        /// Those with names of their own, in the order in which they are listed.
        package static let named: [Kind] = [.epoch, .step, .strength, .prompt, .seed, .adapter, .blocks]

        package var name: String {
            switch self {
            case .parameter(let name): name
            case .epoch: "epoch"
            case .step: "step"
            case .strength: "strength"
            case .prompt: "prompt"
            case .seed: "seed"
            case .adapter: "adapter"
            case .blocks: "blocks"
            }
        }

        /// Whether the ledger has no such pictures, so that they have to be drawn.
        package var isDrawn: Bool {
            switch self {
            case .strength, .seed, .blocks: true
            case .parameter, .epoch, .step, .prompt, .adapter: false
            }
        }

        /// Whether its values are whole numbers.
        var isWhole: Bool { self == .epoch || self == .step || self == .seed }
    }

    package var kind: Kind
    /// nil: every value that occurs.
    package var picks: [ImageGridPick]?
    /// `prompt=@FILE`: one value a line.
    package var file: String?

    package init(kind: Kind, picks: [ImageGridPick]? = nil, file: String? = nil) {
        self.kind = kind
        self.picks = picks
        self.file = file
    }

    /// - Parameters:
    ///   - parameters: names that the jobs of the sweep have; nil where there is no sweep. Of a path
    ///     its end will do: `train.lr` for `config.process[0].train.lr`.
    /// - Throws: `RunSpecError` for a name that is no axis, or values that cannot be read.
    package init(_ text: String, parameters: [String]?) throws(RunSpecError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        kind = try Self.kind(name, parameters: parameters)
        guard parts.count == 2 else { return }
        let values = String(parts[1])
        if values.hasPrefix("@") {
            guard kind == .prompt else {
                throw Self.refusal("\(text): values from a file are for prompts; write \(name)=a,b,c")
            }
            file = String(values.dropFirst())
        } else {
            picks = try ImageGridPick.list(values, of: kind)
        }
    }

    private static func kind(_ name: String, parameters: [String]?) throws(RunSpecError) -> Kind {
        // Of edits it is a parameter; of adapters, how strongly they act.
        if name == Kind.strength.name, parameters?.contains(name) == true { return .parameter(name) }
        if let named = Kind.named.first(where: { $0.name == name }) {
            if parameters == nil, named == .epoch || named == .step {
                throw refusal(
                    "\(name): adapter files have no epochs and steps; name the files, and take the axis adapter")
            }
            return named
        }
        if let parameters, parameters.contains(name) { return .parameter(name) }
        // The end of a long path will do, where only one ends so.
        let ends = (parameters ?? []).filter { $0.hasSuffix(".\(name)") }
        if ends.count == 1 { return .parameter(ends[0]) }
        let fixed = Kind.named.map(\.name).filter { parameters != nil || ($0 != "epoch" && $0 != "step") }
        let known = (parameters ?? []).sorted() + fixed
        let near = nearest(to: name, among: known).map { " (did you mean \($0)?)" } ?? ""
        if parameters == nil, ParameterTable[name] != nil {
            throw refusal(
                "\(name): a parameter of training is an axis of a sweep only; axes here are \(fixed.listed())")
        }
        throw refusal("'\(name)' is no axis\(near); axes are \(known.listed())")
    }

    static func refusal(_ message: String) -> RunSpecError { RunSpecError(code: .badParameter, message: message) }
}
