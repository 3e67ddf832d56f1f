import RunSpec

/// One way of editing pictures, of FluxSpace one variant: how much its configurations keep against how much
/// of the edit they bring.
struct EditCurve: Equatable {
    struct Point: Equatable {
        /// Index among the report's configurations.
        var configuration: Int
        /// As measured: means over pictures and seeds.
        var kept: Double
        var strength: Double
        /// Of FluxSpace's fine changes; nil where there were none.
        var spread: Double?
        /// No other configuration of the method keeps more and edits more strongly.
        var isOnCurve = false
        /// It keeps less than the method's strongest configuration, and yet edits less.
        var isCollapsed = false

        /// Whether FluxSpace's fine change is larger than edits are said to bear.
        var isPastWindow: Bool { spread.map { $0 > EditCurve.safeSpread } ?? false }
    }

    var name: String
    /// What keeps most first.
    var points: [Point]

    /// The ratio of the attention's largest values past which edits with FluxSpace are said to collapse: from
    /// experience of others, for Flux.1 alone. Shown, and decides nothing.
    static let safeSpread = 1.28

    /// - Parameter lowerIsKept: whether a smaller value says that more was kept, as of a distance.
    init(name: String, points: [Point], lowerIsKept: Bool) {
        self.name = name
        func kept(_ point: Point) -> Double { lowerIsKept ? -point.kept : point.kept }
        var sorted = points.sorted { (kept($0), $0.strength) > (kept($1), $1.strength) }
        // Of equally strong ones the peak is the one that keeps most.
        let peak = sorted.max { ($0.strength, kept($0)) < ($1.strength, kept($1)) }
        var strongest = -Double.infinity
        for index in sorted.indices {
            // What comes before keeps at least as much.
            sorted[index].isOnCurve = sorted[index].strength > strongest
            strongest = max(strongest, sorted[index].strength)
            if let peak {
                sorted[index].isCollapsed =
                    kept(sorted[index]) < kept(peak) && sorted[index].strength < peak.strength
            }
        }
        self.points = sorted
    }

    /// The configuration that edits most strongly.
    var peak: Point? { points.filter(\.isOnCurve).last }

    static func isAnywhere(_ numbers: ReportNumbers) -> Bool {
        numbers.configurations.contains { EditMethod($0.parameters) != nil }
            && numbers.measures.contains { $0.prompts == EditTask.prompts }
    }

    /// A curve for each method, in the order of the methods.
    ///
    /// - Parameters:
    ///   - kept: what says how much of a picture stayed; likewise `strength`.
    static func curves(_ numbers: ReportNumbers, kept: Measure, strength: Measure, lowerIsKept: Bool) -> [EditCurve] {
        let spread = Measure(metric: "attention_spread", prompts: EditTask.prompts)
        var points: [String: [Point]] = [:]
        for (index, configuration) in numbers.configurations.enumerated() {
            guard let name = name(configuration.parameters), let x = numbers.path(kept, of: index).last?.mean,
                let y = numbers.path(strength, of: index).last?.mean
            else { continue }
            points[name, default: []].append(
                Point(
                    configuration: index, kept: x, strength: y, spread: numbers.path(spread, of: index).last?.mean))
        }
        return points.sorted { $0.key < $1.key }.map { name, points in
            EditCurve(name: name, points: points, lowerIsKept: lowerIsKept)
        }
    }

    /// A scale means nothing without its variant, so each variant is a method.
    private static func name(_ parameters: [String: ParameterValue]) -> String? {
        guard let method = EditMethod(parameters) else { return nil }
        let variant = method == .fluxspace ? parameters["variant"]?.text.map { ", " + $0 } : nil
        return method.rawValue + (variant ?? "")
    }
}
