import Foundation
import RunSpec

extension ParameterValue {
    /// As a person would write it in a sweep file.
    var plain: String {
        switch self {
        case .number(let value): Self.shortest(value)
        case .text(let text): text
        case .flag(let flag): flag ? "true" : "false"
        case .list(let items): "[" + items.map(\.plain).joined(separator: ", ") + "]"
        case .map(let entries):
            "{" + entries.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.plain)" }.joined(separator: ", ")
                + "}"
        case .null: "null"
        }
    }

    private static func shortest(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return abs(value) < 1e-2 ? String(format: "%.6g", value) : "\(value)"
    }
}

extension TextTable.Cell {
    /// Numbers stay numbers, in CSV too.
    init(_ value: ParameterValue) {
        switch value {
        case .number(let number): self = .number(number)
        case .null: self = .none
        default: self = .text(value.plain)
        }
    }
}

extension [String: ParameterValue] {
    /// One line: algorithm first, then by name.
    var summary: String {
        var summary = ParameterSummary()
        return summary.text(self)
    }
}
