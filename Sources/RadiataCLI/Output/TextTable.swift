import Foundation
import SweepModel

/// Rows printed as an aligned table, as CSV (RFC 4180) or as a JSON array of objects.
struct TextTable {
    enum Cell: Equatable {
        case text(String)
        case number(Double)
        /// Beyond 2^53 not every one is a `Double`.
        case integer(Int64)
        case none

        /// JSON has no NaN or infinity: they are the strings `NaN`, `Infinity`, `-Infinity`
        /// (docs/reference/http.md).
        var json: Any {
            switch self {
            case .text(let text): text
            case .number(let value) where value.isFinite && value == value.rounded() && abs(value) < 9e15: Int64(value)
            case .number(let value): NumberText.special(value) ?? value
            case .integer(let value): value
            case .none: NSNull()
            }
        }

        var csv: CSVText.Cell {
            switch self {
            case .text(let text): .text(text)
            case .number(let value): .number(value)
            case .integer(let value): .integer(value)
            case .none: .none
            }
        }

        var plain: String {
            switch self {
            case .text(let text): text
            case .number(let value): Self.formatted(value)
            case .integer(let value): String(value)
            case .none: ""
            }
        }

        static func formatted(_ value: Double) -> String {
            if let special = NumberText.special(value) { return special }
            if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
            let magnitude = abs(value)
            return magnitude != 0 && (magnitude < 1e-3 || magnitude >= 1e6)
                ? String(format: "%.3g", value) : String(format: "%.4f", value)
        }
    }

    let columns: [String]
    var rows: [[Cell]] = []

    func rendered(as format: OutputFormat) throws -> String {
        switch format {
        case .table: aligned()
        case .csv: csv()
        case .json: try json()
        }
    }

    private func aligned() -> String {
        let texts = rows.map { $0.map(\.plain) }
        let widths = columns.indices.map { index in
            max(columns[index].count, texts.map { index < $0.count ? $0[index].count : 0 }.max() ?? 0)
        }
        let numeric = columns.indices.map { index in
            rows.allSatisfy { row in
                if case .text = row[index] { return false }
                return true
            }
        }
        func line(_ cells: [String]) -> String {
            let padded = cells.indices.map { index in
                let padding = String(repeating: " ", count: widths[index] - cells[index].count)
                return numeric[index] && !rows.isEmpty ? padding + cells[index] : cells[index] + padding
            }
            var text = padded.joined(separator: "  ")
            while text.last == " " { text.removeLast() }
            return text
        }
        let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
        return ([line(columns), rule] + texts.map(line)).joined(separator: "\n")
    }

    private func csv() -> String {
        var text = CSVText.line(columns)
        for row in rows { text += CSVText.line(row.map(\.csv)) }
        return String(text.dropLast())  // whoever prints it ends the last line
    }

    private func json() throws -> String {
        let objects = rows.map { row in
            Dictionary(zip(columns, row.map(\.json)), uniquingKeysWith: { first, _ in first })
        }
        return try JSONText.encode(object: objects)
    }
}
