import ArgumentParser

/// A length of time on the command line: `90s`, `10m`, `4h`, `2d`, `500ms`.
package struct TimeLength: ExpressibleByArgument, Equatable, Sendable {
    package let duration: Duration

    private static let units: [(suffix: String, seconds: Double)] = [
        ("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400),
    ]

    package init(_ duration: Duration) { self.duration = duration }

    /// In the largest unit that leaves nothing over.
    package var defaultValueDescription: String {
        let milliseconds = Int64((duration / .milliseconds(1)).rounded())
        for unit in Self.units.reversed() {
            let size = Int64(unit.seconds * 1000)
            if milliseconds % size == 0 { return "\(milliseconds / size)\(unit.suffix)" }
        }
        return "\(milliseconds)ms"
    }

    /// - Returns: nil for what is none, is not above 0, or is longer than ten years.
    package init?(argument: String) {
        for unit in Self.units where argument.hasSuffix(unit.suffix) {
            guard let value = Double(argument.dropLast(unit.suffix.count)), value >= 0, value * unit.seconds < 3.2e8
            else { continue }
            duration = .milliseconds(Int64(value * unit.seconds * 1000))
            return
        }
        return nil
    }
}
