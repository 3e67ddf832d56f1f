package import ImageFiles

/// Background colours that the embedded base model knows by name.
package enum Backdrop: String, CaseIterable, Codable, Sendable {
    case red, blue, green, yellow, purple, black

    package var color: RGBColor {
        switch self {
        case .red: RGBColor(red: 226, green: 74, blue: 66)
        case .blue: RGBColor(red: 70, green: 130, blue: 226)
        case .green: RGBColor(red: 84, green: 184, blue: 96)
        case .yellow: RGBColor(red: 250, green: 222, blue: 90)
        case .purple: RGBColor(red: 150, green: 92, blue: 200)
        case .black: RGBColor(red: 30, green: 30, blue: 34)
        }
    }

    /// The caption of a picture with this background.
    package func caption(of subject: String) -> String { "\(subject) on a \(rawValue) background" }
}
