import RunSpec
import SweepLedger

/// A column of a table. Numbers stand as they are; of texts each different one stands once, and which of them
/// every row has.
struct TableColumn: Sendable {
    private enum Cells: Sendable {
        /// NaN for nothing.
        case numbers([Double])
        /// Places among the cells; −1 for nothing.
        case coded([Int32], [TableCell])
        case ids([JobDigits])
    }

    private let cells: Cells
    /// For each row which of the cells it has, where rows share them: all jobs of a configuration.
    private let groups: [Int32]?

    private init(_ cells: Cells, groups: [Int32]? = nil) { (self.cells, self.groups) = (cells, groups) }

    init(numbers: [Double]) { self.init(.numbers(numbers)) }

    init(ids: [JobDigits]) { self.init(.ids(ids)) }

    init(codes: [Int32], _ cells: [TableCell]) { self.init(.coded(codes, cells)) }

    /// - Parameter words: what people call a text; nil for the text itself.
    init(_ column: TextColumn, words: [String: String]? = nil) {
        self.init(codes: column.codes, column.texts.map { .text(words?[$0] ?? $0) })
    }

    init(_ setting: SettingColumn, groups: [Int32]) {
        switch setting.cells {
        case .same(let value): self.init(codes: [Int32](repeating: 0, count: groups.count), [TableCell(value)])
        case .numbers(let numbers): self.init(.numbers(numbers), groups: groups)
        case .mixed(let codes, let values): self.init(.coded(codes, values.map { TableCell($0) }), groups: groups)
        }
    }

    subscript(row: Int) -> TableCell {
        let place = groups.map { Int($0[row]) } ?? row
        switch cells {
        case .numbers(let numbers): return TableCell(number: numbers[place])
        case .coded(let codes, let cells): return codes[place] < 0 ? .none : cells[Int(codes[place])]
        case .ids(let ids): return .text(ids[place].text)
        }
    }

    /// The rows of some that pass a test.
    func rows(_ rows: [Int], passing test: TableFilter.Test) -> [Int] {
        func passing(_ holds: (Int) -> Bool) -> [Int] {
            if let groups { rows.filter { holds(Int(groups[$0])) } } else { rows.filter(holds) }
        }
        switch cells {
        case .numbers(let numbers):
            let holds = test.ofNumbers
            return passing { holds(numbers[$0]) }
        case .coded(let codes, let cells):
            let holds = cells.map(test.holds) + [test.holds(.none)]
            return passing { holds[codes[$0] < 0 ? cells.count : Int(codes[$0])] }
        case .ids(let ids):
            guard case .oneOf(let values, let isNot) = test else { return [] }
            let ranges = values.filter { $0.utf8.count >= JobTable.shortestPrefix }.compactMap(JobDigits.range)
            return passing { place in ranges.contains { $0.contains(ids[place]) } != isNot }
        }
    }

    /// Marks the rows with a cell that is a word as a whole, or, of texts, that has it somewhere.
    func mark(_ word: String, isWhole: Bool, _ hits: inout [Bool]) {
        switch cells {
        case .numbers(let numbers):
            guard isWhole, let number = Double(word), TableCell.number(number).words == word else { return }
            for row in hits.indices where numbers[groups.map { Int($0[row]) } ?? row] == number { hits[row] = true }
        case .coded(let codes, let cells):
            let found = cells.map { cell in
                let text = cell.words.lowercased()
                return isWhole ? text == word : text.contains(word)
            }
            guard found.contains(true) else { return }
            for row in hits.indices {
                let code = codes[groups.map { Int($0[row]) } ?? row]
                if code >= 0, found[Int(code)] { hits[row] = true }
            }
        case .ids(let ids):
            guard let range = JobDigits.range(word) else { return }
            for row in hits.indices where range.contains(ids[row]) { hits[row] = true }
        }
    }

    /// A part of some rows in the order of their cells; those that are alike stay in their order, those
    /// without anything come last either way.
    ///
    /// - Parameters:
    ///   - rows: rising.
    ///   - part: which of the sorted rows. Only these are brought into order.
    func sorted(_ rows: [Int], descending: Bool, part: Range<Int>) -> [Int] {
        let part = part.clamped(to: 0..<rows.count)
        guard !part.isEmpty else { return [] }
        let keys = self.keys(descending: descending)
        var entries = rows.map { row in
            RowSelection.Entry(key: keys[groups.map { Int($0[row]) } ?? row], row: row)
        }
        RowSelection.sort(&entries, part: part)
        return entries[part].map(\.row)
    }

    /// For each cell a number that sorts as it does.
    private func keys(descending: Bool) -> [UInt64] {
        // Nothing has the largest one.
        func turned(_ key: UInt64) -> UInt64 { descending ? ~key - 1 : key }
        switch cells {
        case .numbers(let numbers): return numbers.map { $0.isNaN ? .max : turned(Self.key($0)) }
        case .coded(let codes, let cells):
            let ranks = Self.ranks(cells)
            return codes.map { $0 < 0 ? .max : ranks[Int($0)].map { turned(UInt64($0)) } ?? .max }
        // The first 16 of the digits: no two ids share them.
        case .ids(let ids): return ids.map { turned($0.words[0] >> 1) }
        }
    }

    /// The bits of a number so that they sort as numbers do.
    private static func key(_ number: Double) -> UInt64 {
        let bits = (number == 0 ? 0 : number).bitPattern
        return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
    }

    /// Numbers before texts; the same cells have the same place.
    ///
    /// - Returns: nil for nothing.
    private static func ranks(_ cells: [TableCell]) -> [Int?] {
        var ranks = [Int?](repeating: nil, count: cells.count)
        var last: TableCell?
        var rank = 0
        for place in cells.indices.filter({ cells[$0] != .none }).sorted(by: { cells[$0] < cells[$1] }) {
            if let last, last != cells[place] { rank += 1 }
            last = cells[place]
            ranks[place] = rank
        }
        return ranks
    }

    /// The rows of some with the smallest and with the largest number.
    func extremes(_ rows: [Int]) -> [Int] {
        guard case .numbers(let numbers) = cells else { return [] }
        var (least, greatest): ((value: Double, row: Int)?, (value: Double, row: Int)?) = (nil, nil)
        for row in rows {
            let number = numbers[groups.map { Int($0[row]) } ?? row]
            guard number.isFinite else { continue }
            if least.map({ number < $0.value }) ?? true { least = (number, row) }
            if greatest.map({ number > $0.value }) ?? true { greatest = (number, row) }
        }
        return [least?.row, greatest?.row].compactMap { $0 }
    }
}

extension TableCell {
    /// Numbers first, then texts; nothing last.
    static func < (a: TableCell, b: TableCell) -> Bool {
        switch (a, b) {
        case (.number(let a), .number(let b)): a < b
        case (.text(let a), .text(let b)): a < b
        case (.number, _): true
        case (.text, .none): true
        default: false
        }
    }
}
