import Synchronization

/// A column of a table: each different cell once, and which of them every row has. A filter tests what
/// differs, and a sort is one pass over the rows.
struct TableColumn: Sendable {
    let distinct: [TableCell]
    /// For each row the place of its cell in `distinct`.
    let codes: [Int32]
    private let known: Known

    /// The different cells in rising order, once somebody sorted by them.
    private final class Known: Sendable {
        let order = Mutex<[Int32]?>(nil)
    }

    init(_ cells: some Sequence<TableCell>) {
        let cells = Array(cells)
        let isOfNumbers = cells.allSatisfy { cell in
            if case .text = cell { false } else { true }
        }
        if isOfNumbers { self.init(numbers: cells) } else { self.init(mixed: cells) }
    }

    /// Measured numbers hardly ever repeat: sorting them is several times faster than looking each up.
    private init(numbers cells: [TableCell]) {
        var keys: [(value: Double, row: Int32)] = []
        keys.reserveCapacity(cells.count)
        for (row, cell) in cells.enumerated() {
            if case .number(let number) = cell { keys.append((number, Int32(row))) }
        }
        keys.sort { $0.value < $1.value }
        var distinct: [TableCell] = []
        var codes = [Int32](repeating: -1, count: cells.count)
        for (place, key) in keys.enumerated() {
            if place == 0 || keys[place - 1].value != key.value { distinct.append(.number(key.value)) }
            codes[Int(key.row)] = Int32(distinct.count - 1)
        }
        if keys.count < cells.count {
            let nothing = Int32(distinct.count)
            distinct.append(.none)
            for row in codes.indices where codes[row] < 0 { codes[row] = nothing }
        }
        (self.distinct, self.codes, known) = (distinct, codes, Known())
        let count = Int32(distinct.count)
        known.order.withLock { $0 = Array(0..<count) }
    }

    private init(mixed cells: [TableCell]) {
        var known: [TableCell: Int32] = [:]
        var (distinct, codes): ([TableCell], [Int32]) = ([], [])
        codes.reserveCapacity(cells.count)
        var last: (cell: TableCell, code: Int32)?
        for cell in cells {
            // Rows beside each other are often alike: of one configuration, in one state.
            if let last, last.cell == cell {
                codes.append(last.code)
                continue
            }
            let code = known[cell] ?? Int32(distinct.count)
            if code == distinct.count {
                known[cell] = code
                distinct.append(cell)
            }
            codes.append(code)
            last = (cell, code)
        }
        (self.distinct, self.codes, self.known) = (distinct, codes, Known())
    }

    /// A column whose rows take their cells from groups: all jobs of a configuration have the same.
    ///
    /// - Parameter groups: for each row which of the cells.
    init(_ cells: some Sequence<TableCell>, groups: [Int32]) {
        let column = TableColumn(cells)
        distinct = column.distinct
        codes = groups.map { column.codes[Int($0)] }
        known = column.known
    }

    subscript(row: Int) -> TableCell { distinct[Int(codes[row])] }

    /// The different cells in rising order, those without anything last.
    private func order() -> [Int32] {
        if let order = known.order.withLock({ $0 }) { return order }
        var numbers: [(value: Double, code: Int32)] = []
        var texts: [(value: String, code: Int32)] = []
        var nothing: [Int32] = []
        for (place, cell) in distinct.enumerated() {
            switch cell {
            case .number(let number): numbers.append((number, Int32(place)))
            case .text(let text): texts.append((text, Int32(place)))
            case .none: nothing.append(Int32(place))
            }
        }
        numbers.sort { $0.value < $1.value }
        texts.sort { $0.value < $1.value }
        let order = numbers.map(\.code) + texts.map(\.code) + nothing
        known.order.withLock { $0 = order }
        return order
    }

    /// Rows by their cells; those that are alike stay in their order, those without anything come last either
    /// way.
    func sorted(_ rows: [Int], descending: Bool) -> [Int] {
        let order = order()
        let filled = order.prefix { distinct[Int($0)] != .none }
        let sequence = (descending ? Array(filled.reversed()) : Array(filled)) + order.dropFirst(filled.count)
        var ranks = [Int](repeating: 0, count: distinct.count)
        for (rank, code) in sequence.enumerated() { ranks[Int(code)] = rank }
        var starts = [Int](repeating: 0, count: distinct.count + 1)
        for row in rows { starts[ranks[Int(codes[row])] + 1] += 1 }
        for rank in 0..<distinct.count { starts[rank + 1] += starts[rank] }
        var sorted = [Int](repeating: 0, count: rows.count)
        for row in rows {
            let rank = ranks[Int(codes[row])]
            sorted[starts[rank]] = row
            starts[rank] += 1
        }
        return sorted
    }
}
