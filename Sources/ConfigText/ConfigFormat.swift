/// How a configuration file is written.
package enum ConfigFormat: String, Sendable {
    case toml, yaml, json

    /// By the ending of a file's name; nil for others.
    package init?(ofFile name: String) {
        switch name.lowercased().split(separator: ".").last {
        case "toml": self = .toml
        case "yaml", "yml": self = .yaml
        case "json", "jsonc": self = .json
        default: return nil
        }
    }
}

/// What is wrong with a configuration file, or with what is to be set in it.
package struct ConfigFault: Error, Equatable, Sendable, CustomStringConvertible {
    package let message: String
    /// From 1; nil where no place is meant.
    package let line: Int?

    package init(_ message: String, line: Int? = nil) {
        self.message = message
        self.line = line
    }

    package var description: String { line.map { "line \($0): \(message)" } ?? message }
}
