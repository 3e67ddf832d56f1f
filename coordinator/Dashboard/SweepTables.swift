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
    private let columns: Memo<String, ColumnValues>
    private let names: Memo<String, Measured>

    /// What a sweep's jobs logged and measured.
    struct Measured: Sendable, Encodable {
        /// Keys of curves.
        var curves: [String]
        /// `METRIC@PROMPTS` of evaluations; without prompts the metric alone.
        var results: [String]
        /// By these names: a metric may have an `@` of its own.
        var measures: [String: DecisionRule.Measure]

        init(curves: [String], measures: [DecisionRule.Measure]) {
            self.curves = curves
            results = measures.map(Self.name)
            self.measures = Dictionary(zip(results, measures)) { first, _ in first }
        }

        private enum CodingKeys: CodingKey { case curves, results }

        func has(_ name: String) -> Bool { curves.contains(name) || results.contains(name) }

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

    /// Larger sweeps are shown before all of their jobs were read.
    static let small = 2000

    /// Whether the jobs of a sweep are there to be filtered and sorted at once.
    func isKnown(_ sweep: String) -> Bool { tables.known(sweep) != nil }

    /// Begins to read a sweep's jobs, for who will filter and sort them soon.
    func begin(_ sweep: String) {
        guard !isKnown(sweep) else { return }
        // Whoever asks for the table hears of a failure.
        Task { _ = try? await table(sweep) }
    }

    /// A few jobs of a sweep as a table of their own, without waiting for all of them.
    ///
    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    func glance(_ sweep: String, offset: Int, limit: Int) async throws -> JobTable {
        JobTable(try await ledger.jobRecords(sweep: sweep, offset: offset, limit: limit))
    }

    /// What a sweep's settings are, by some of them.
    ///
    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    func sampledParameters(_ sweep: String) async throws -> [(name: String, isConstant: Bool)] {
        JobTable.parameters(of: try await ledger.sampledSettings(sweep: sweep, count: 500))
    }

    /// - Throws: `LedgerError`.
    func measured(_ sweep: String) async throws -> Measured {
        let source = LedgerSource(ledger: ledger)
        return try await names.value(sweep, age: .seconds(5), stale: .seconds(600)) { _ in
            let overview = try await SweepResults(source: source, sweep: sweep).overview()
            return Measured(curves: overview.curves, measures: overview.measures)
        }
    }

    /// The columns of these names.
    ///
    /// - Parameter isGlance: the table is one of few rows, of which alone values are read.
    /// - Throws: `WireError` `badRequest` for a name that is none.
    func columns(
        _ wanted: [String], of sweep: String, _ table: JobTable, isGlance: Bool = false
    ) async throws -> [String: TableColumn] {
        var found: [String: TableColumn] = [:]
        for name in Set(wanted) {
            if let column = try await BlockingWork.text({ table.column(name) }) {
                found[name] = column
                continue
            }
            let measured = try await measured(sweep)
            let result = measured.measures[name]
            guard result != nil || measured.curves.contains(name) else {
                throw WireError(
                    .badRequest,
                    "no column '\(name.prefix(80))'; there are \((JobTable.fixed + table.parameters.map(\.name)).joined(separator: ", "))"
                        + " and what was logged and measured")
            }
            let values =
                try await isGlance
                ? ColumnValues(read(name, result, sweep, jobs: table.records.map(\.row)))
                : kept(name, result, sweep, count: table.records.count)
            found[name] = try await BlockingWork.text { table.column(values, as: name) }
        }
        return found
    }

    private func read(
        _ name: String, _ result: DecisionRule.Measure?, _ sweep: String, jobs: [Int64]? = nil
    ) async throws -> [Int64: Double] {
        guard let result else { return try await ledger.latestValues(sweep: sweep, key: name, jobs: jobs) }
        return try await ledger.newestResults(
            sweep: sweep, metric: result.metric, prompts: result.prompts, jobs: jobs)
    }

    private func kept(
        _ name: String, _ result: DecisionRule.Measure?, _ sweep: String, count: Int
    ) async throws -> ColumnValues {
        // What was logged changes all the time; a sort by it may be of a moment ago.
        let stale: Duration = count > 5000 ? .seconds(120) : .zero
        let mark = try await ledger.mark(ofSweep: sweep)
        return try await columns.value("\(sweep)\n\(name)", age: .seconds(3), stale: stale, mark: mark) { [self] _ in
            ColumnValues(try await read(name, result, sweep))
        }
    }
}
