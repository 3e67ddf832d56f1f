import Foundation
import RunSpec
import SweepLedger
import SweepModel
import SweepWire

/// The jobs of a sweep in memory, as they were a moment ago: filtering and sorting 50,000 of them takes
/// milliseconds.
struct JobTable: Sendable {
    private(set) var records: [JobRecord]
    private(set) var mark: Int64
    private var places: [Int64: Int]
    /// Names of the parameters that the sweep sets, and whether all jobs have one value of it.
    private(set) var parameters: [(name: String, isConstant: Bool)]

    static let fixed = [
        "id", "state", "group", "configuration", "seed", "attempts", "worker", "failure", "message", "priority",
        "created", "updated", "kind",
    ]

    init(_ read: JobRecords) {
        records = read.records
        mark = read.mark
        places = Dictionary(records.enumerated().map { ($0.element.row, $0.offset) }) { $1 }
        parameters = Self.parameters(of: records)
    }

    /// The same with what changed since.
    func updated(with read: JobRecords) -> JobTable {
        guard !read.isWhole else { return JobTable(read) }
        var table = self
        table.mark = read.mark
        for record in read.records { if let place = places[record.row] { table.records[place] = record } }
        return table
    }

    private static func parameters(of records: [JobRecord]) -> [(name: String, isConstant: Bool)] {
        var values: [String: Set<String>] = [:]
        var counts: [String: Int] = [:]
        var seen: Set<Int64> = []
        for record in records where seen.insert(record.configuration).inserted {
            for (name, value) in record.parameters {
                counts[name, default: 0] += 1
                if values[name, default: []].count < 2 { values[name, default: []].insert(TableCell(value).words) }
            }
        }
        return counts.keys.sorted().map { name in
            (name, values[name]?.count == 1 && counts[name] == seen.count)
        }
    }

    /// A column of what the ledger itself says.
    ///
    /// - Returns: nil for a name that is none of them.
    func column(_ name: String) -> [TableCell]? {
        switch name {
        case "id": return records.map { .text($0.id) }
        case "state": return records.map { .text($0.state) }
        case "group": return records.map { .text($0.group) }
        case "configuration": return records.map { .number(Double($0.configuration)) }
        case "seed": return records.map { .number(Double($0.seed)) }
        case "attempts": return records.map { .number(Double($0.attempts)) }
        case "worker": return records.map { TableCell($0.worker) }
        case "failure": return records.map { TableCell($0.failure) }
        case "message": return records.map { TableCell($0.message) }
        case "priority": return records.map { .number(Double($0.priority)) }
        case "created": return records.map { .number(Double($0.created)) }
        case "updated": return records.map { .number(Double($0.updated)) }
        case "kind": return records.map { .text($0.evaluates ? "evaluate" : "train") }
        default:
            guard parameters.contains(where: { $0.name == name }) else { return nil }
            return records.map { TableCell($0.parameters[name]) }
        }
    }

    /// A column of numbers by the jobs' rows.
    func column(_ values: [Int64: Double]) -> [TableCell] {
        records.map { values[$0.row].map { .number($0) } ?? .none }
    }

    /// The places of the rows that a filter leaves, in the table's order.
    ///
    /// - Parameter columns: those that the filter names.
    func places(_ filter: TableFilter, _ columns: [String: [TableCell]]) -> [Int] {
        var places = Array(records.indices)
        if !filter.columns.contains("kind") { places.removeAll { records[$0].evaluates } }
        for term in filter.terms {
            guard let cells = columns[term.column] else { continue }
            places.removeAll { !term.test.holds(cells[$0]) }
        }
        for word in filter.words { places.removeAll { !contains(word, records[$0]) } }
        return places
    }

    private func contains(_ word: String, _ record: JobRecord) -> Bool {
        if record.id.hasPrefix(word) || record.state == word { return true }
        let texts = [record.group, record.worker, record.failure, record.message].compactMap { $0 }
        if texts.contains(where: { $0.lowercased().contains(word) }) { return true }
        return record.parameters.values.contains { TableCell($0).words.lowercased() == word }
    }

    /// - Parameter cells: the column to sort by; rows that are alike stay in their order.
    static func sorted(_ places: [Int], by cells: [TableCell], descending: Bool) -> [Int] {
        // A sort of keys that are numbers is several times faster than one that looks into every cell.
        var keys: [(key: Double, place: Int)] = []
        keys.reserveCapacity(places.count)
        for place in places {
            switch cells[place] {
            case .number(let number): keys.append((descending ? -number : number, place))
            case .none: keys.append((.infinity, place))
            case .text:
                return places.sorted { a, b in
                    if cells[a] == cells[b] { return a < b }
                    return TableCell.isBefore(cells[a], cells[b], descending: descending)
                }
            }
        }
        keys.sort { $0.key == $1.key ? $0.place < $1.place : $0.key < $1.key }
        return keys.map(\.place)
    }

    /// Failed jobs by class and likeness, the most frequent first.
    struct FailureGroup: Encodable, Sendable, Equatable {
        var failure: String
        var line: String
        var jobs: Int
        /// The id of one of them.
        var example: String
    }

    func failures(most: Int) -> [FailureGroup] {
        var groups: [String: FailureGroup] = [:]
        for record in records where record.state == "failed" || record.state == "parked" {
            let failure = record.failure ?? "crash"
            let print = FailureClass(rawValue: failure).flatMap {
                FailureFingerprint($0, exitCode: nil, message: record.message ?? "")
            }
            let line = print?.line ?? record.message?.split(separator: "\n").last.map(String.init) ?? ""
            let key = print?.text ?? failure
            groups[key, default: FailureGroup(failure: failure, line: line, jobs: 0, example: record.id)].jobs += 1
        }
        let sorted = groups.values.sorted { ($1.jobs, $0.failure, $0.line) < ($0.jobs, $1.failure, $1.line) }
        return Array(sorted.prefix(most))
    }
}
