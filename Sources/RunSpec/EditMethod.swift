/// The ways of editing a picture without training, by their names in sweep files: values of `algorithm`
/// beside the fine-tuning ones.
package enum EditMethod: String, CaseIterable, Codable, Hashable, Sendable {
    /// The representations of Flux.1's double blocks; a picture is turned into noise first.
    case fluxspace
    /// Along the difference of two prompts' velocities, without turning the picture into noise.
    case flowedit
    /// Turned into noise and back, both steered.
    case rfInversion = "rf-inversion"
    /// Drawn anew from a noisy copy.
    case sdedit

    /// Of resolved parameters; nil where they train.
    package init?(_ parameters: [String: ParameterValue]) {
        guard let text = parameters["algorithm"]?.text else { return nil }
        self.init(rawValue: text)
    }
}

/// The named forms of FluxSpace, between which a scale means different things.
package enum EditVariant: String, CaseIterable, Codable, Hashable, Sendable {
    /// Every token keeps its length; a fine scale of 5 to 10 is usual.
    case lengthKeeping = "length-keeping"
    /// No length is restored; a fine scale of 0.3 to 1 is strong.
    case free
}
