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
    private let settings: Settings
    private var caches: TableCaches
    /// Names of the parameters that the sweep sets, and whether all jobs have one value of it.
    private(set) var parameters: [(name: String, isConstant: Bool)]

    static let fixed = [
        "id", "state", "group", "configuration", "seed", "attempts", "worker", "failure", "message", "priority",
        "created", "updated", "kind",
    ]

    init(_ read: JobRecords) {
        let records = read.records
        self.records = records
        mark = read.mark
        places = Dictionary(records.enumerated().map { ($0.element.row, $0.offset) }) { $1 }
        let settings = Settings(records)
        self.settings = settings
        parameters = Self.parameters(of: settings.samples.map { records[$0].parameters })
        caches = TableCaches()
    }

    /// The same with what changed since.
    func updated(with read: JobRecords) -> JobTable {
        guard !read.isWhole else { return JobTable(read) }
        var table = self
        table.mark = read.mark
        guard !read.records.isEmpty else { return table }
        for record in read.records { if let place = places[record.row] { table.records[place] = record } }
        // Settings, seeds and ids of jobs stay what they are.
        let still = Set(parameters.map(\.name)).union(["id", "group", "configuration", "seed", "created", "kind"])
        table.caches = caches.kept(still)
        return table
    }

    /// Which jobs have the same settings.
    struct Settings: Sendable {
        /// A row of each.
        var samples: [Int] = []
        /// For each row, whose place among the samples.
        var groups: [Int32] = []

        init(_ records: [JobRecord]) {
            var known: [Int64: Int32] = [:]
            groups.reserveCapacity(records.count)
            for (place, record) in records.enumerated() {
                // One configuration may be told by other settings in another group of the file.
                if let group = known[record.configuration],
                    records[samples[Int(group)]].parameters == record.parameters
                {
                    groups.append(group)
                    continue
                }
                known[record.configuration] = Int32(samples.count)
                groups.append(Int32(samples.count))
                samples.append(place)
            }
        }
    }

    /// Names of what settings set, and whether all of them have one value of it.
    static func parameters(of settings: [[String: ParameterValue]]) -> [(name: String, isConstant: Bool)] {
        var first: [String: ParameterValue] = [:]
        var counts: [String: Int] = [:]
        var differ: Set<String> = []
        for parameters in settings {
            for (name, value) in parameters {
                counts[name, default: 0] += 1
                guard let known = first[name] else {
                    first[name] = value
                    continue
                }
                if known != value, !differ.contains(name) { differ.insert(name) }
            }
        }
        return counts.keys.sorted().map { ($0, !differ.contains($0) && counts[$0] == settings.count) }
    }

    /// A column of what the ledger itself says.
    ///
    /// - Returns: nil for a name that is none of them.
    func column(_ name: String) -> TableColumn? {
        caches.column(name) { cells(name) }
    }

    private func cells(_ name: String) -> TableColumn? {
        switch name {
        case "id": TableColumn(records.lazy.map { TableCell.text($0.id) })
        case "state": TableColumn(records.lazy.map { TableCell.text($0.state) })
        case "group": TableColumn(records.lazy.map { TableCell.text($0.group) })
        case "configuration": TableColumn(records.lazy.map { TableCell.number(Double($0.configuration)) })
        case "seed": TableColumn(records.lazy.map { TableCell.number(Double($0.seed)) })
        case "attempts": TableColumn(records.lazy.map { TableCell.number(Double($0.attempts)) })
        case "worker": TableColumn(records.lazy.map { TableCell($0.worker) })
        case "failure": TableColumn(records.lazy.map { TableCell($0.failure) })
        case "message": TableColumn(records.lazy.map { TableCell($0.message) })
        case "priority": TableColumn(records.lazy.map { TableCell.number(Double($0.priority)) })
        case "created": TableColumn(records.lazy.map { TableCell.number(Double($0.created)) })
        case "updated": TableColumn(records.lazy.map { TableCell.number(Double($0.updated)) })
        case "kind": TableColumn(records.lazy.map { TableCell.text($0.evaluates ? "evaluate" : "train") })
        default:
            parameters.contains { $0.name == name }
                ? TableColumn(
                    settings.samples.lazy.map { TableCell(records[$0].parameters[name]) }, groups: settings.groups)
                : nil
        }
    }

    /// A column of numbers by the jobs' rows.
    ///
    /// - Parameter name: under which it is kept as long as the values are these.
    func column(_ values: ColumnValues, as name: String) -> TableColumn {
        caches.column(name, of: values) {
            TableColumn(records.lazy.map { values.byRow[$0.row].map { TableCell(number: $0) } ?? TableCell.none })
        }
    }

    /// The places of the rows that a filter leaves, in the table's order.
    ///
    /// - Parameter columns: those that the filter names.
    func places(_ filter: TableFilter, _ columns: [String: TableColumn]) -> [Int] {
        var places = Array(records.indices)
        if !filter.columns.contains("kind"), records.contains(where: \.evaluates) {
            places.removeAll { records[$0].evaluates }
        }
        for term in filter.terms {
            guard let column = columns[term.column] else { continue }
            let holds = column.distinct.map(term.test.holds)
            places.removeAll { !holds[Int(column.codes[$0])] }
        }
        for word in filter.words {
            let hits = rows(with: word)
            places.removeAll { !hits[$0] }
        }
        return places
    }

    private func rows(with word: String) -> [Bool] {
        let texts = caches.texts { searched() }
        var hits = [Bool](repeating: false, count: records.count)
        texts.words.find(word, isWhole: false) { hits[$0] = true }
        texts.values.find(word, isWhole: true) { hits[$0] = true }
        if word.utf8.allSatisfy({ $0 < 128 && Character(Unicode.Scalar($0)).isHexDigit }) {
            for (place, record) in records.enumerated() where record.id.hasPrefix(word) { hits[place] = true }
        }
        return hits
    }

    /// What words are looked for in: anywhere within group, worker, failure and message; as a whole among the
    /// settings and the state.
    private func searched() -> SearchedTexts {
        var texts = SearchedTexts()
        texts.words.reserve(records.count)
        texts.values.reserve(records.count)
        var known: [Int32: [String]] = [:]
        for (place, record) in records.enumerated() {
            for text in [record.group, record.worker, record.failure, record.message] {
                if let text { texts.words.add(text) }
            }
            texts.words.endRow()
            texts.values.add(record.state)
            let group = settings.groups[place]
            let words = known[group] ?? record.parameters.values.map { TableCell($0).words }
            known[group] = words
            for word in words { texts.values.add(word) }
            texts.values.endRow()
        }
        return texts
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
        Array(caches.failures { grouped(known: &$0) }.prefix(most))
    }

    /// - Parameter known: what messages were found to be, of this table as it was.
    private func grouped(known: inout [Int64: KnownFailure]) -> [FailureGroup] {
        var groups: [String: FailureGroup] = [:]
        for record in records where record.state == "failed" || record.state == "parked" {
            let failure = record.failure ?? "crash"
            var found = known[record.row]
            if found?.failure != failure || found?.message != record.message {
                let print = FailureClass(rawValue: failure).flatMap {
                    FailureFingerprint($0, exitCode: nil, message: record.message ?? "")
                }
                found = KnownFailure(
                    failure: failure, message: record.message, key: print?.text ?? failure,
                    line: print?.line ?? record.message?.split(separator: "\n").last.map(String.init) ?? "")
                known[record.row] = found
            }
            guard let found else { continue }
            groups[
                found.key, default: FailureGroup(failure: failure, line: found.line, jobs: 0, example: record.id)
            ].jobs += 1
        }
        return groups.values.sorted { ($1.jobs, $0.failure, $0.line) < ($0.jobs, $1.failure, $1.line) }
    }
}
