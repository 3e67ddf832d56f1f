/// The fine-tuning algorithms by their names in sweep files. `locon` is another name of `lora` and folded
/// into it before a job is identified. Which parameters an algorithm has, the parameter table says.
package enum Algorithm: String, CaseIterable, Codable, Hashable, Sendable {
    case lora, locon, loha, lokr, full, dylora, glora, ia3, glokr
    case diagOFT = "diag-oft"
    case boft

    /// The name under which a job is identified.
    package var canonical: Algorithm { self == .locon ? .lora : self }

    /// Whether the algorithm can use a parameter.
    ///
    /// - Precondition: the table holds the parameter.
    package func has(_ parameter: String) -> Bool {
        guard let definition = ParameterTable[parameter] else { preconditionFailure("no parameter \(parameter)") }
        return definition.algorithms?.contains(self) ?? true
    }

    /// Whether `dim` means something: a rank, or a block size for the orthogonal ones.
    package var hasDim: Bool { has("dim") }

    /// Whether ΔW is scaled by alpha / dim.
    package var hasAlpha: Bool { has("alpha") }
}
