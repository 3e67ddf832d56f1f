import CoordinatorOperations
import Foundation
import Ports
import SweepAnalysis
import SweepLedger
import SweepModel
import SweepWire

/// The tables of the sweeps that somebody looks at, and columns of what was measured and logged.
struct SweepTables: Sendable {
    let ledger: Ledger
    private let tables: Memo<String, JobTable>
    private let columns: Memo<String, [Int64: Double]>
    private let names: Memo<String, Measured>

    /// What a sweep's jobs logged and measured.
    struct Measured: Sendable, Encodable {
        /// Keys of curves.
        var curves: [String]
        /// `METRIC@PROMPTS` of evaluations; without prompts the metric alone.
        var results: [String]

        static func name(_ measure: DecisionRule.Measure) -> String {
            measure.prompts.isEmpty ? measure.metric : "\(measure.metric)@\(measure.prompts)"
        }
    }

    init(ledger: Ledger, time: any TimeSource) {
        self.ledger = ledger
        tables = Memo(most: 4, time: time)
        columns = Memo(most: 32, time: time)
        names = Memo(most: 32, time: time)
    }

    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    func table(_ sweep: String) async throws -> JobTable {
        let ledger = ledger
        return try await tables.value(sweep, age: .milliseconds(500)) { last in
            let read = try await ledger.jobRecords(
                sweep: sweep, after: last?.mark, known: last?.records.count ?? 0)
            return try await BlockingWork.text { last?.updated(with: read) ?? JobTable(read) }
        }
    }

    /// - Throws: `LedgerError`.
    func measured(_ sweep: String) async throws -> Measured {
        let source = LedgerSource(ledger: ledger)
        return try await names.value(sweep, age: .seconds(5), stale: .seconds(600)) { _ in
            let overview = try await SweepResults(source: source, sweep: sweep).overview()
            return Measured(curves: overview.curves, results: overview.measures.map(Measured.name))
        }
    }

    /// The columns of these names.
    ///
    /// - Throws: `WireError` `badRequest` for a name that is none.
    func columns(_ wanted: [String], of sweep: String, _ table: JobTable) async throws -> [String: [TableCell]] {
        var found: [String: [TableCell]] = [:]
        // What was logged changes all the time; a sort by it may be of a moment ago.
        let stale: Duration = table.records.count > 5000 ? .seconds(120) : .zero
        for name in Set(wanted) {
            if let column = table.column(name) {
                found[name] = column
                continue
            }
            let measured = try await measured(sweep)
            let ledger = ledger
            let values: [Int64: Double]
            if measured.results.contains(name) {
                let at = name.lastIndex(of: "@")
                let metric = at.map { String(name[..<$0]) } ?? name
                let prompts = at.map { String(name[name.index(after: $0)...]) } ?? ""
                values = try await columns.value("\(sweep)\n\(name)", age: .seconds(3), stale: stale) { _ in
                    try await ledger.newestResults(sweep: sweep, metric: metric, prompts: prompts)
                }
            } else if measured.curves.contains(name) {
                values = try await columns.value("\(sweep)\n\(name)", age: .seconds(3), stale: stale) { _ in
                    try await ledger.latestValues(sweep: sweep, key: name)
                }
            } else {
                throw WireError(
                    .badRequest,
                    "no column '\(name.prefix(80))'; there are \((JobTable.fixed + table.parameters.map(\.name)).joined(separator: ", "))"
                        + " and what was logged and measured")
            }
            found[name] = table.column(values)
        }
        return found
    }
}
