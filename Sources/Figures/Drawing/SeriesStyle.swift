/// How a series is told from others: by a colour, and by a shape or a dash for those who do not see it.
package struct SeriesStyle: Hashable, Sendable {
    /// From 0; nil is one of many in the background.
    package let index: Int?

    /// Further series look like those in the background: more cannot be told apart.
    package static let count = 8

    package static let quiet = SeriesStyle(index: nil)

    private init(index: Int?) { self.index = index }

    /// - Parameter number: from 0; background from `count` on.
    package init(_ number: Int) {
        precondition(number >= 0, "series \(number)")
        index = number < Self.count ? number : nil
    }

    /// The class that carries colour and dash.
    var name: String { index.map { "s\($0 + 1)" } ?? "s0" }

    var shape: MarkShape { index.map { MarkShape.allCases[$0] } ?? .circle }
}

/// Shapes of equal weight to the eye.
enum MarkShape: CaseIterable {
    case circle, square, triangle, diamond, triangleDown, cross, plus, hexagon

    /// An SVG path around (0, 0).
    ///
    /// - Parameter radius: of the circle that has about its area.
    func path(_ radius: Double) -> String {
        func closed(_ points: [(Double, Double)]) -> String {
            "M"
                + points.map { Drawing.number($0.0 * radius) + " " + Drawing.number($0.1 * radius) }
                .joined(separator: "L") + "Z"
        }
        switch self {
        case .circle:
            let r = Drawing.number(radius)
            return
                "M-\(r) 0a\(r) \(r) 0 1 0 \(Drawing.number(2 * radius)) 0a\(r) \(r) 0 1 0 -\(Drawing.number(2 * radius)) 0Z"
        case .square: return closed([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)])
        case .triangle: return closed([(0, -1.25), (1.15, 0.85), (-1.15, 0.85)])
        case .diamond: return closed([(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)])
        case .triangleDown: return closed([(0, 1.25), (1.15, -0.85), (-1.15, -0.85)])
        case .plus:
            let (a, b) = (0.4, 1.25)
            return closed([
                (-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a),
                (-a, -a),
            ])
        case .cross:
            let (a, b) = (0.5, 0.62)
            return closed([
                (0, -a), (b, -a - b), (a + b, -b), (a, 0), (a + b, b), (b, a + b), (0, a), (-b, a + b), (-a - b, b),
                (-a, 0),
                (-a - b, -b), (-b, -a - b),
            ])
        case .hexagon: return closed([(-0.55, -1), (0.55, -1), (1.1, 0), (0.55, 1), (-0.55, 1), (-1.1, 0)])
        }
    }
}
