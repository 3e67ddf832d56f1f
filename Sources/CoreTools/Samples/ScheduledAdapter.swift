/// An adapter's strength over the steps of a sampling run.
package struct ScheduledAdapter: Equatable, Sendable {
    /// Of a file, or of PEFT's folder.
    package let path: String
    /// At the beginning of its part.
    package let strength: Double
    /// At the end of it, reached in a straight line.
    package let lastStrength: Double
    /// Shares of the steps, 0…1: it acts in the steps that begin in there.
    package let part: Range<Double>

    /// - Parameters:
    ///   - lastStrength: nil keeps one strength.
    package init(path: String, strength: Double, lastStrength: Double? = nil, part: Range<Double> = 0..<1) {
        self.path = path
        self.strength = strength
        self.lastStrength = lastStrength ?? strength
        self.part = part
    }

    package var isSteady: Bool { strength == lastStrength && part == 0..<1 }

    /// The strength of a step.
    ///
    /// - Parameter share: of the steps before it, 0…1.
    package func strength(at share: Double) -> Double {
        guard part.contains(share) else { return 0 }
        guard strength != lastStrength else { return strength }
        return strength
            + (lastStrength - strength) * (share - part.lowerBound) / (part.upperBound - part.lowerBound)
    }

    /// As it is written on the command line, without the path.
    package var schedule: String {
        let strengths = strength == lastStrength ? "\(strength)" : "\(strength)..\(lastStrength)"
        return part == 0..<1 ? strengths : "\(strengths)@\(part.lowerBound)-\(part.upperBound)"
    }
}
