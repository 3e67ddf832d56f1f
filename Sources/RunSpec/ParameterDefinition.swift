/// One row of the parameter table: what a parameter is called, what it may hold, and what it is when nobody
/// says.
package struct ParameterDefinition: Sendable {
    package enum Kind: Equatable, Sendable {
        case number
        case integer
        case flag
        case text
        /// One of these words.
        case choice([String])
        /// Numbers; exactly `count` of them where given. A flat list is one value, a list of lists an axis.
        case list(count: Int?)
        /// A preset's name or a map (`LayerSelection`).
        case layers
        /// One side in pixels, or `[width, height]`.
        case resolution
    }

    package enum Default: Equatable, Sendable {
        /// Absent stays absent: the meaning of absence stands in the summary.
        case absent
        case value(ParameterValue)
        /// The value of another parameter, after its own default was filled in.
        case sameAs(String)
    }

    package let name: String
    package let kind: Kind
    package let `default`: Default
    /// Other spellings of a value, folded before a job is identified (`locon` → `lora`).
    package let aliases: [String: String]
    /// What other trainers call this parameter: not accepted, but suggested from.
    package let foreignNames: [String]
    package let range: ParameterRange?
    /// The algorithms that can use it; all where nil.
    package let algorithms: Set<Algorithm>?
    /// The ways of editing that can use it; nil for a parameter of trainings.
    package let methods: Set<EditMethod>?
    package let summary: String

    package init(
        _ name: String, _ kind: Kind, default: Default = .absent, aliases: [String: String] = [:],
        foreign: [String] = [],
        range: ParameterRange? = nil, algorithms: Set<Algorithm>? = nil, methods: Set<EditMethod>? = nil,
        _ summary: String
    ) {
        self.name = name
        self.kind = kind
        self.default = `default`
        self.aliases = aliases
        self.foreignNames = foreign
        self.range = range
        self.algorithms = algorithms
        self.methods = methods
        self.summary = summary
    }

    /// Whether one value of this parameter is itself a list, so that only a list of lists is an axis.
    package var listTyped: Bool {
        switch kind {
        case .list, .resolution: true
        default: false
        }
    }
}

/// The numbers a parameter accepts, for messages and checks alike.
package struct ParameterRange: Equatable, Sendable {
    package let lower: Double
    package let upper: Double
    package let includesLower: Bool
    package let includesUpper: Bool

    /// Numbers from `lower` up.
    package static func atLeast(_ lower: Double) -> Self { Self(lower, .infinity, true, false) }
    /// Numbers above `lower`.
    package static func above(_ lower: Double) -> Self { Self(lower, .infinity, false, false) }
    /// Both bounds included.
    package static func from(_ lower: Double, through upper: Double) -> Self { Self(lower, upper, true, true) }
    /// The upper bound excluded.
    package static func from(_ lower: Double, below upper: Double) -> Self { Self(lower, upper, true, false) }

    private init(_ lower: Double, _ upper: Double, _ includesLower: Bool, _ includesUpper: Bool) {
        self.lower = lower
        self.upper = upper
        self.includesLower = includesLower
        self.includesUpper = includesUpper
    }

    /// Whether the number is accepted.
    package func contains(_ value: Double) -> Bool {
        (includesLower ? value >= lower : value > lower) && (includesUpper ? value <= upper : value < upper)
    }

    /// "at least 1", "above 0", "from 0 to below 1".
    package var wanted: String {
        let low = ParameterValue.number(lower).description
        if upper == .infinity { return includesLower ? "at least \(low)" : "above \(low)" }
        return "from \(low) to \(includesUpper ? "" : "below ")\(ParameterValue.number(upper))"
    }
}
