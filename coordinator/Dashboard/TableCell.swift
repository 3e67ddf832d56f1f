import Foundation
import RunSpec

/// One cell of a table of jobs.
enum TableCell: Sendable, Hashable {
    case none
    case number(Double)
    case text(String)

    init(_ value: ParameterValue?) {
        switch value {
        case nil, .null: self = .none
        case .number(let number): self = .number(number)
        case .text(let text): self = .text(text)
        case .flag(let flag): self = .text(flag ? "true" : "false")
        case .list(let items): self = .text("[" + items.map { TableCell($0).words }.joined(separator: ", ") + "]")
        case .map(let entries):
            let parts = entries.sorted { $0.key < $1.key }.map { "\($0.key): \(TableCell($0.value).words)" }
            self = .text("{" + parts.joined(separator: ", ") + "}")
        }
    }

    init(_ text: String?) { self = text.map { .text($0) } ?? .none }

    /// What is no number is nothing.
    init(number: Double) { self = number.isFinite ? .number(number) : .none }

    var words: String {
        switch self {
        case .none: ""
        case .number(let number): number == number.rounded() && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
        case .text(let text): text
        }
    }
}

extension JSONText {
    mutating func cell(_ cell: TableCell) {
        switch cell {
        case .none: raw("null")
        case .number(let number): self.number(number)
        case .text(let text): string(text)
        }
    }
}
