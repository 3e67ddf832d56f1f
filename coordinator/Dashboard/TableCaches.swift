import Synchronization

/// Numbers by the jobs' rows, as they were read once.
final class ColumnValues: Sendable {
    let byRow: [Int64: Double]

    init(_ byRow: [Int64: Double]) { self.byRow = byRow }
}

/// What words are looked for in.
struct SearchedTexts: Sendable {
    var words = RowTexts()
    var values = RowTexts()
}

/// What a failed job's message was found to be.
struct KnownFailure: Sendable {
    var failure: String
    var message: String?
    var key: String
    var line: String
}

/// What was made of one state of a table, made once.
final class TableCaches: Sendable {
    private struct State: Sendable {
        var columns: [String: TableColumn] = [:]
        var measured: [String: (values: ColumnValues, column: TableColumn)] = [:]
        var texts: SearchedTexts?
        var failures: [JobTable.FailureGroup]?
        var known: [Int64: KnownFailure] = [:]
    }

    /// Columns of what was logged and measured that are kept: people look at few at a time.
    private static let mostMeasured = 24

    private let state: Mutex<State>

    init() { state = Mutex(State()) }

    private init(_ state: State) { self.state = Mutex(state) }

    /// For the same table with other rows in some places: columns of these names hold still.
    func kept(_ names: Set<String>) -> TableCaches {
        let (columns, known) = state.withLock { ($0.columns, $0.known) }
        var next = State()
        next.columns = columns.filter { names.contains($0.key) }
        next.known = known
        return TableCaches(next)
    }

    // Two who ask for the same at once both make it: nobody waits under the lock.

    func column(_ name: String, _ make: () -> TableColumn?) -> TableColumn? {
        if let known = state.withLock({ $0.columns[name] }) { return known }
        guard let column = make() else { return nil }
        state.withLock { $0.columns[name] = column }
        return column
    }

    func column(_ name: String, of values: ColumnValues, _ make: () -> TableColumn) -> TableColumn {
        if let known = state.withLock({ $0.measured[name] }), known.values === values { return known.column }
        let column = make()
        state.withLock { state in
            if state.measured.count >= Self.mostMeasured { state.measured = [:] }
            state.measured[name] = (values, column)
        }
        return column
    }

    func texts(_ make: () -> SearchedTexts) -> SearchedTexts {
        if let known = state.withLock({ $0.texts }) { return known }
        let texts = make()
        state.withLock { $0.texts = texts }
        return texts
    }

    func failures(_ make: (inout [Int64: KnownFailure]) -> [JobTable.FailureGroup]) -> [JobTable.FailureGroup] {
        let found = state.withLock { ($0.failures, $0.known) }
        if let failures = found.0 { return failures }
        var known = found.1
        let failures = make(&known)
        state.withLock { ($0.failures, $0.known) = (failures, known) }
        return failures
    }
}
