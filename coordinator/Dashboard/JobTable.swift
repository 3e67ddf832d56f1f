import Foundation
import RunSpec
import SweepLedger
import SweepModel
import Synchronization

/// The jobs of a sweep in memory, as they were a moment ago: filtering and sorting 200,000 of them takes
/// milliseconds, and a change of some jobs reads nothing but these.
struct JobTable: Sendable {
    private(set) var columns: JobColumns
    private let likenesses: LikenessBook

    static let fixed = [
        "id", "state", "group", "configuration", "seed", "attempts", "worker", "failure", "message", "priority",
        "created", "updated", "kind",
    ]
    /// Shortest beginning of an id that is taken for one.
    static let shortestPrefix = 8

    init(_ columns: JobColumns) { (self.columns, likenesses) = (columns, LikenessBook()) }

    /// The same jobs as they are now.
    init(_ columns: JobColumns, after last: JobTable?) {
        let isSame = last?.columns.reading === columns.reading
        (self.columns, likenesses) = (columns, (isSame ? last?.likenesses : nil) ?? LikenessBook())
    }

    mutating func keepMeasured(of other: JobTable) { columns.keepMeasured(of: other.columns) }

    /// Keeps a column that was read of a table, if this one has the same jobs.
    mutating func add(_ column: MeasuredColumn, as name: String, of table: JobTable) {
        if table.columns.reading === columns.reading { columns.add(column, as: name) }
    }

    var count: Int { columns.count }

    func id(_ place: Int) -> String { columns.ids[place].text }

    func state(_ place: Int) -> String { columns.states[place] ?? "" }

    /// Names of the parameters that the sweep sets, and whether all jobs have one value of it.
    var parameters: [(name: String, isConstant: Bool)] {
        columns.settings.columns.map { ($0.name, $0.isConstant) }.sorted { $0.0 < $1.0 }
    }

    /// The same of settings that were read by themselves.
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

    /// A column of what the ledger itself says, or of what was measured and is here.
    ///
    /// - Returns: nil for a name that is none of them.
    func column(_ name: String) -> TableColumn? {
        switch name {
        case "id": TableColumn(ids: columns.ids)
        case "state": TableColumn(columns.states)
        case "group": TableColumn(columns.groups)
        case "configuration": TableColumn(numbers: columns.configurations.map { Double($0) })
        case "seed": TableColumn(numbers: columns.seeds.map { Double($0) })
        case "attempts": TableColumn(numbers: columns.attempts.map { Double($0) })
        case "worker": TableColumn(columns.workers, words: columns.workerNames)
        case "failure": TableColumn(columns.failures)
        case "message": TableColumn(columns.messages)
        case "priority": TableColumn(numbers: columns.priorities.map { Double($0) })
        case "created": TableColumn(numbers: columns.created.map { Double($0) })
        case "updated": TableColumn(numbers: columns.updated.map { Double($0) })
        case "kind": kinds
        default:
            columns.settings.column(name).map { TableColumn($0, groups: columns.settings.groups) }
                ?? columns.measured[name].map { TableColumn(numbers: $0.values) }
        }
    }

    private var kinds: TableColumn {
        let codes =
            columns.evaluates.isEmpty
            ? [Int32](repeating: 0, count: count) : columns.evaluates.map { $0 ? 1 : 0 }
        return TableColumn(codes: codes, [.text("train"), .text("evaluate")])
    }

    /// The places of the rows that a filter leaves, in the table's order.
    ///
    /// - Parameter named: the columns that the filter names.
    func places(_ filter: TableFilter, _ named: [String: TableColumn]) -> [Int] {
        var places = Array(0..<count)
        if !filter.columns.contains("kind"), !columns.evaluates.isEmpty {
            places.removeAll { columns.evaluates[$0] }
        }
        for term in filter.terms {
            if let column = named[term.column] { places = column.rows(places, passing: term.test) }
        }
        for word in filter.words {
            let hits = rows(with: word)
            places.removeAll { !hits[$0] }
        }
        return places
    }

    /// A word is looked for anywhere within group, worker, failure and message, as a whole among the settings
    /// and the state, and at the beginning of the id.
    private func rows(with word: String) -> [Bool] {
        var hits = [Bool](repeating: false, count: count)
        for name in ["group", "worker", "failure", "message"] { column(name)?.mark(word, isWhole: false, &hits) }
        for name in ["state", "id"] + columns.settings.names { column(name)?.mark(word, isWhole: true, &hits) }
        return hits
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
        let failed = columns.states.texts.map { $0 == "failed" || $0 == "parked" }
        var counts: [LikenessBook.Kind: (jobs: Int, example: Int)] = [:]
        for place in 0..<count where columns.states.codes[place] >= 0 && failed[Int(columns.states.codes[place])] {
            let kind = LikenessBook.Kind(failure: columns.failures.codes[place], message: columns.messages.codes[place])
            counts[kind, default: (0, place)].jobs += 1
        }
        var groups: [String: FailureGroup] = [:]
        for (kind, found) in counts.sorted(by: { $0.value.example < $1.value.example }) {
            let likeness = likenesses.likeness(
                kind, failure: columns.failures[found.example] ?? "crash", message: columns.messages[found.example])
            groups[
                likeness.key,
                default: FailureGroup(
                    failure: likeness.failure, line: likeness.line, jobs: 0, example: id(found.example))
            ].jobs += found.jobs
        }
        let sorted = groups.values.sorted { ($1.jobs, $0.failure, $0.line) < ($0.jobs, $1.failure, $1.line) }
        return Array(sorted.prefix(most))
    }
}

/// What messages of failed jobs were found to be, by their places in the table's columns, which stay.
private final class LikenessBook: Sendable {
    struct Kind: Hashable, Sendable {
        var failure: Int32
        var message: Int32
    }

    struct Likeness: Sendable {
        var failure: String
        var key: String
        var line: String
    }

    private let known = Mutex<[Kind: Likeness]>([:])

    func likeness(_ kind: Kind, failure: String, message: String?) -> Likeness {
        if let likeness = known.withLock({ $0[kind] }) { return likeness }
        let print = FailureClass(rawValue: failure).flatMap {
            FailureFingerprint($0, exitCode: nil, message: message ?? "")
        }
        let likeness = Likeness(
            failure: failure, key: print?.text ?? failure,
            line: print?.line ?? message?.split(separator: "\n").last.map(String.init) ?? "")
        known.withLock { $0[kind] = likeness }
        return likeness
    }
}
