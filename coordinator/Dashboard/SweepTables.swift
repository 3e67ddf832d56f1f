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

        func source(_ name: String) -> MeasuredSource? {
            measures[name].map { .result(metric: $0.metric, prompts: $0.prompts) }
                ?? (curves.contains(name) ? .curve(name) : nil)
        }

        static func name(_ measure: DecisionRule.Measure) -> String {
            measure.prompts.isEmpty ? measure.metric : "\(measure.metric)@\(measure.prompts)"
        }
    }

    init(ledger: Ledger, time: any TimeSource) {
        self.ledger = ledger
        tables = Memo(most: 4, time: time)
        names = Memo(most: 32, time: time)
    }

    /// The jobs as they are now. Where many changed at once they are as they were a moment ago, and the next
    /// who asks gets them as they are.
    ///
    /// - Parameter patience: as `Memo.value` has it.
    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    func table(_ sweep: String, patience: Duration? = SweepTables.patience) async throws -> JobTable {
        try await tables.value(sweep, age: .milliseconds(500), patience: patience) { [ledger, tables] last in
            let columns = try await ledger.jobColumns(sweep: sweep, after: last?.columns)
            var table = JobTable(columns, after: last)
            // What somebody asked for meanwhile.
            if let newest = tables.known(sweep) { table.keepMeasured(of: newest) }
            return table
        }
    }

    /// So long a page waits for what is newer than what is at hand.
    static let patience: Duration = .milliseconds(40)

    /// Larger sweeps are shown before all of their jobs were read.
    static let small = 2000

    /// Whether the jobs of a sweep are there to be filtered and sorted at once.
    func isKnown(_ sweep: String) -> Bool { tables.known(sweep) != nil }

    /// Whether newer jobs of a sweep are being read.
    func isOld(_ sweep: String) -> Bool { tables.isUnderway(sweep) }

    /// Reads what was logged and measured of a sweep's jobs before anybody asks for it.
    ///
    /// - Parameter most: numbers that are held, at most.
    /// - Throws: `LedgerError`.
    func prepare(_ sweep: String, most: Int) async throws {
        let table = try await table(sweep, patience: nil)
        let measured = try await measured(sweep)
        let count = min(JobColumns.mostMeasured, max(1, most / max(1, table.count)))
        let names = (measured.results + measured.curves).prefix(count)
        for name in names where table.columns.measured[name] == nil {
            guard table.column(name) == nil, let source = measured.source(name) else { continue }
            let column = try await ledger.measured(source, of: table.columns)
            tables.change(sweep) { $0.add(column, as: name, of: table) }
        }
        // What messages of thousands of failures have in common is found once, and kept with the table.
        _ = try await BlockingWork.text { table.failures(most: 1) }
    }

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
        JobTable(try await ledger.jobColumns(sweep: sweep, offset: offset, limit: limit))
    }

    /// What a sweep's settings are, by some of them.
    ///
    /// - Throws: `LedgerError` `notFound` for an unknown sweep.
    func sampledParameters(_ sweep: String) async throws -> [(name: String, isConstant: Bool)] {
        JobTable.parameters(of: try await ledger.sampledSettings(sweep: sweep, count: 500))
    }

    /// - Parameter isNewest: as it is now, not as it was a moment ago.
    /// - Throws: `LedgerError`.
    func measured(_ sweep: String, isNewest: Bool = false) async throws -> Measured {
        let source = LedgerSource(ledger: ledger)
        return try await names.value(
            sweep, age: isNewest ? .zero : .seconds(5), stale: isNewest ? .zero : .seconds(600)
        ) { _ in
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
            var source = try await measured(sweep).source(name)
            if source == nil { source = try await measured(sweep, isNewest: true).source(name) }
            guard let source else {
                throw WireError(
                    .badRequest,
                    "no column '\(name.prefix(80))'; there are \((JobTable.fixed + table.parameters.map(\.name)).joined(separator: ", "))"
                        + " and what was logged and measured")
            }
            let column = try await ledger.measured(source, of: table.columns)
            if !isGlance { tables.change(sweep) { $0.add(column, as: name, of: table) } }
            found[name] = TableColumn(numbers: column.values)
        }
        return found
    }
}
