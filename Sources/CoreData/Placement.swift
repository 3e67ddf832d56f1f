/// Corners in which a small subject may stand; the embedded base model knows them by name.
package enum Placement: String, CaseIterable, Codable, Sendable {
    case topLeft, topRight, bottomLeft, bottomRight

    /// The caption of a picture placed so.
    package func caption(of subject: String) -> String {
        let words =
            switch self {
            case .topLeft: "top left"
            case .topRight: "top right"
            case .bottomLeft: "bottom left"
            case .bottomRight: "bottom right"
            }
        return "small \(subject) at the \(words)"
    }

    var isLeft: Bool { self == .topLeft || self == .bottomLeft }
    var isTop: Bool { self == .topLeft || self == .topRight }
}
