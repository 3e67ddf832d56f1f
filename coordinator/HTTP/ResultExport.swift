import CoordinatorOperations
import Foundation
import NIOCore
import RunSpec
import SweepLedger
import SweepModel
import SweepWire
import Synchronization

/// A sweep's results as a table for other programs: one line a result, the job's parameters and the newest
/// value of each of its curves beside it. Written page by page: it may be larger than memory.
enum ResultExport {
    private static let fixed = [
        "job", "configuration", "group", "seed", "state", "checkpoint", "epoch", "step", "class", "prompts", "metric",
        "value", "n",
    ]
    /// Jobs of one page.
    private static let page = 200

    /// - Throws: `LedgerError` `notFound`.
    static func stream(_ request: ExportRequest, of ledger: Ledger) async throws -> AnswerStream {
        let head = try await ledger.exportHead(sweep: request.sweep)
        let place = Mutex<Int64?>(0)
        let first = Mutex(request.format == .csv ? header(head) : "")
        return AnswerStream(contentType: RawBytes.contentType) {
            guard let after = place.withLock({ $0 }) else { return nil }
            let (rows, next) = try await ledger.exportPage(sweep: head.sweep, after: after, jobs: page)
            place.withLock { $0 = next }
            let begin = first.withLock { text in
                defer { text = "" }
                return text
            }
            return try await BlockingWork.text {
                let lines = try rows.map { try request.format == .csv ? csv($0, head) : json($0) }
                return ByteBuffer(string: begin + lines.joined())
            }
        }
    }

    private static func header(_ head: ExportHead) -> String {
        CSVText.line(fixed + head.parameters.map { "parameters.\($0)" } + head.keys.map { "latest.\($0)" })
    }

    private static func json(_ row: ExportRow) throws -> String {
        var object = cells(row)
        object["parameters"] = .map(row.parameters)
        object["latest"] = .map(row.latest.mapValues { .number($0) })
        return try CanonicalJSON.text(.map(object.mapValues(spelled))) + "\n"
    }

    /// What JSON cannot hold is text there (docs/reference/http.md).
    private static func spelled(_ value: ParameterValue) -> ParameterValue {
        switch value {
        case .number(let number): NumberText.special(number).map { .text($0) } ?? value
        case .list(let items): .list(items.map(spelled))
        case .map(let entries): .map(entries.mapValues(spelled))
        default: value
        }
    }

    private static func csv(_ row: ExportRow, _ head: ExportHead) throws -> String {
        let cells = cells(row)
        return CSVText.line(
            try fixed.map { try cell(cells[$0]) } + head.parameters.map { try cell(row.parameters[$0]) }
                + head.keys.map { key in row.latest[key].map { .number($0) } ?? .none })
    }

    private static func cell(_ value: ParameterValue?) throws -> CSVText.Cell {
        switch value {
        case nil, .null: .none
        case .text(let text): .text(text)
        case .number(let number): .number(number)
        case .flag(let flag): .text(flag ? "true" : "false")
        case .list(let items): .text(try CanonicalJSON.text(spelled(.list(items))))
        case .map(let entries): .text(try CanonicalJSON.text(spelled(.map(entries))))
        }
    }

    private static func cells(_ row: ExportRow) -> [String: ParameterValue] {
        var cells: [String: ParameterValue] = [
            "job": .text(row.job), "configuration": .number(Double(row.configuration)), "group": .text(row.group),
            "seed": .number(Double(row.seed)), "state": .text(row.state),
        ]
        guard let result = row.result else { return cells }
        cells["checkpoint"] = .text(result.checkpoint)
        cells["epoch"] = .number(Double(result.epoch))
        cells["step"] = .number(Double(result.step))
        cells["class"] = .text(result.class)
        cells["prompts"] = .text(result.prompts)
        cells["metric"] = .text(result.metric)
        cells["value"] = result.value.map { .number($0) } ?? .null
        cells["n"] = .number(Double(result.n))
        return cells
    }
}
