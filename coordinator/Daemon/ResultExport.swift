import Foundation
import RunSpec
import SweepLedger
import SweepModel
import SweepWire

/// A sweep's results as a table for other programs: one line a result, the job's parameters beside it.
enum ResultExport {
    private static let fixed = [
        "job", "configuration", "group", "seed", "state", "checkpoint", "epoch", "step", "class", "prompts", "metric",
        "value", "n",
    ]

    static func text(_ rows: [ExportRow], _ format: ExportRequest.Format) throws -> String {
        switch format {
        case .jsonl: try rows.map { try CanonicalJSON.text(.map(object($0))) + "\n" }.joined()
        case .csv: try csv(rows)
        }
    }

    private static func object(_ row: ExportRow) -> [String: ParameterValue] {
        var object: [String: ParameterValue] = [
            "job": .text(row.job), "configuration": .number(Double(row.configuration)), "group": .text(row.group),
            "seed": .number(Double(row.seed)), "state": .text(row.state), "parameters": .map(row.parameters),
        ]
        guard let result = row.result else { return object }
        object["checkpoint"] = .text(result.checkpoint)
        object["epoch"] = .number(Double(result.epoch))
        object["step"] = .number(Double(result.step))
        object["class"] = .text(result.class)
        object["prompts"] = .text(result.prompts)
        object["metric"] = .text(result.metric)
        object["value"] = result.value.map { $0.isFinite ? .number($0) : .text("\($0)") } ?? .null
        object["n"] = .number(Double(result.n))
        return object
    }

    private static func csv(_ rows: [ExportRow]) throws -> String {
        let names = Set(rows.flatMap(\.parameters.keys)).sorted()
        var text = (fixed + names.map { "parameters.\($0)" }).map(quoted).joined(separator: ",") + "\n"
        for row in rows {
            let object = object(row)
            let cells =
                try fixed.map { try cell(object[$0] ?? .null) } + names.map { try cell(row.parameters[$0] ?? .null) }
            text += cells.map(quoted).joined(separator: ",") + "\n"
        }
        return text
    }

    private static func cell(_ value: ParameterValue) throws -> String {
        switch value {
        case .null: ""
        case .text(let text): text
        default: try CanonicalJSON.text(value)
        }
    }

    /// RFC 4180.
    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }
}
