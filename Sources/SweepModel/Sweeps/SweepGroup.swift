package import RunSpec

/// One group of a sweep: a set of points. The sweep is the union of its groups.
package struct SweepGroup: Equatable, Sendable {
    package enum Shape: Equatable, Sendable {
        /// The baseline, and one variation at a time around it. Each entry is a product of its axes.
        case vary([[ParameterAxis]])
        /// A product of axes, some of them conditional.
        case grid([GridAxis])
        /// These points.
        case list([[String: ParameterValue]])
        /// Points drawn from a space.
        case sample(SampleSpec)
    }

    package var name: String
    package var baseline: [String: ParameterValue]
    package var shape: Shape
    package var derive: [Derivation]
    /// Points that match any of these are left out.
    package var exclude: [Condition]
    package var mark: SourceMark?

    package init(
        name: String, baseline: [String: ParameterValue] = [:], shape: Shape, derive: [Derivation] = [],
        exclude: [Condition] = [], mark: SourceMark? = nil
    ) {
        self.name = name
        self.baseline = baseline
        self.shape = shape
        self.derive = derive
        self.exclude = exclude
        self.mark = mark
    }
}

/// One parameter and the values it takes.
package struct ParameterAxis: Equatable, Sendable {
    package var name: String
    package var values: [ParameterValue]

    package init(_ name: String, _ values: [ParameterValue]) {
        self.name = name
        self.values = values
    }
}

/// An axis of a grid: one parameter, or several that advance together; on only where its condition holds.
package struct GridAxis: Equatable, Sendable {
    /// All of the same length.
    package var parameters: [ParameterAxis]
    package var when: Condition?
    package var mark: SourceMark?

    package init(_ parameters: [ParameterAxis], when: Condition? = nil, mark: SourceMark? = nil) {
        self.parameters = parameters
        self.when = when
        self.mark = mark
    }

    package var count: Int { parameters.first?.values.count ?? 0 }
}

/// Holds where every named parameter has one of the listed values; an absent parameter has none.
package struct Condition: Equatable, Sendable {
    package var allowed: [String: [ParameterValue]]
    package var mark: SourceMark?

    package init(_ allowed: [String: [ParameterValue]], mark: SourceMark? = nil) {
        self.allowed = allowed
        self.mark = mark
    }

    /// Values are compared after aliases are folded, so that `locon` matches `lora`.
    package func holds(for point: [String: ParameterValue]) -> Bool {
        allowed.allSatisfy { name, values in
            guard let value = point[name], !value.isNull else { return false }
            let found = Self.folded(name, value)
            return values.contains { Self.folded(name, $0) == found }
        }
    }

    private static func folded(_ name: String, _ value: ParameterValue) -> ParameterValue {
        guard let text = value.text, let alias = ParameterTable[name]?.aliases[text] else { return value }
        return .text(alias)
    }
}

/// A parameter computed from others where nothing set it.
package struct Derivation: Equatable, Sendable {
    package var name: String
    package var expression: ArithmeticExpression
    package var mark: SourceMark?

    package init(name: String, expression: ArithmeticExpression, mark: SourceMark? = nil) {
        self.name = name
        self.expression = expression
        self.mark = mark
    }
}

/// Points drawn from a space rather than listed.
package struct SampleSpec: Equatable, Sendable {
    package enum Method: String, CaseIterable, Codable, Sendable { case random, sobol }

    package var method: Method
    package var count: Int
    /// nil: the plain sequence.
    package var seed: Int?
    package var space: [String: SampleRange]

    package init(method: Method, count: Int, seed: Int?, space: [String: SampleRange]) {
        self.method = method
        self.count = count
        self.seed = seed
        self.space = space
    }
}

/// What one sampled parameter ranges over.
package indirect enum SampleRange: Equatable, Sendable {
    case uniform(Double, Double)
    /// Uniform in the logarithm.
    case log(Double, Double)
    /// Both ends included.
    case integer(Int, Int)
    case choice([ParameterValue])
    /// Rounded to whole multiples of a number.
    case rounded(SampleRange, to: Double)
}
