/// What one line of metrics gives: its step, its numbers, and what in it is neither.
///
/// Numbers count, also as text (`"3"`, `"1e-4"`); `null`, `NaN`, `Infinity` and `-Infinity`, bare (as Python
/// writes them) or as text, count as such. A step is a whole number from 0 to 2^53 (`3`, `3.0`, `1e3`,
/// `"3"`).
package struct MetricReading: Sendable {
    /// nil: the line has none that is one.
    package private(set) var step: Int?
    /// In the order of the line; of two of one name, byte for byte, the last.
    package private(set) var values: [(name: String, value: Double)] = []
    /// Names whose values are no numbers: text, flags, lists, maps.
    package private(set) var others: [String] = []
    /// Why it is no JSON object.
    package private(set) var fault: RunSpecError?

    /// - Parameter stepName: the key of the step.
    package init(_ line: String, stepName: String = "step") {
        var scanner = MetricLineScanner(line)
        let members: [(key: String, value: MetricValue)]
        do {
            members = try scanner.object()
        } catch {
            fault = error
            return
        }
        var places: [[UInt8]: Int] = [:]
        places.reserveCapacity(members.count)
        for (key, value) in members {
            if key.utf8.elementsEqual(stepName.utf8) {
                step = value.number.flatMap(Self.step)
                continue
            }
            guard let number = value.number else {
                others.append(key)
                continue
            }
            // Not by the text's own equality, for which names of different bytes may be one.
            let name = Array(key.utf8)
            if let place = places[name] {
                values[place].value = number
            } else {
                places[name] = values.count
                values.append((key, number))
            }
        }
    }

    private static func step(_ number: Double) -> Int? {
        guard number == number.rounded(), number >= 0, number <= ParameterValue.largestInteger else { return nil }
        return Int(number)
    }

    /// Keys of the line that look like a step, for the remedy; the likeliest first.
    package var stepCandidates: [String] {
        let whole = values.filter { Self.step($0.value) != nil }.map(\.name)
        let named = whole.filter { name in
            ["step", "iter", "batch"].contains { name.lowercased().contains($0) }
        }
        return named
            + whole.filter { name in
                !named.contains(name) && ["epoch"].contains { name.lowercased().contains($0) }
            }
    }
}

/// A value of a metrics line.
enum MetricValue: Sendable {
    case number(Double)
    case text(String)
    /// A flag, list or map.
    case other

    static let special: [String: Double] = [
        "NaN": .nan, "nan": .nan, "Infinity": .infinity, "inf": .infinity, "-Infinity": -.infinity, "-inf": -.infinity,
    ]

    var number: Double? {
        switch self {
        case .number(let value): return value
        case .text(let text):
            if let special = Self.special[text] { return special }
            let trimmed = text.drop { $0 == " " }
            // Double() also takes hexadecimal.
            guard let first = trimmed.utf8.first, first != UInt8(ascii: "+"),
                !trimmed.utf8.contains(where: Self.isLetterX)
            else { return nil }
            return Double(
                trimmed.last == " " ? String(trimmed.reversed().drop { $0 == " " }.reversed()) : String(trimmed))
        case .other: return nil
        }
    }

    private static func isLetterX(_ byte: UInt8) -> Bool { byte | 0x20 == UInt8(ascii: "x") }
}
