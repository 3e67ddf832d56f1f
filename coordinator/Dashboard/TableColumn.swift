import Synchronization

/// A column of a table: each different cell once, and which of them every row has. A filter tests what differs,
/// and a sort is one pass over the rows.
struct TableColumn: Sendable {
    let distinct: [TableCell]
    /// For each row the place of its cell in `distinct`.
    let codes: [Int32]
    private let known = Known()

    /// The different cells in rising order, once somebody sorted by them.
    private final class Known: Sendable {
        let order = Mutex<[Int32]?>(nil)
    }

    init(_ cells: some Sequence<TableCell>) {
        var known: [TableCell: Int32] = [:]
        var (distinct, codes): ([TableCell], [Int32]) = ([], [])
        codes.reserveCapacity(cells.underestimatedCount)
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
        (self.distinct, self.codes) = (distinct, codes)
    }

    /// A column whose rows take their cells from groups: all jobs of a configuration have the same.
    ///
    /// - Parameter groups: for each row which of the cells.
    init(_ cells: some Sequence<TableCell>, groups: [Int32]) {
        let column = TableColumn(cells)
        distinct = column.distinct
        codes = groups.map { column.codes[Int($0)] }
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
