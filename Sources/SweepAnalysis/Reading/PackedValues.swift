import Foundation
import SweepModel

/// The values of a rule's criteria of a large sweep: one entry a job and checkpoint, numbers and no texts.
struct PackedValues: Sendable {
    struct Entry: Equatable, Sendable {
        var configuration: Int
        var step: Int
        var seed: Int
        /// Its row in the ledger.
        var job: Int
    }

    private(set) var entries: [Entry] = []
    /// Of each entry as many as the rule has criteria.
    private(set) var values: [Double] = []
    let criteria: Int

    init(criteria: Int) { self.criteria = criteria }

    /// - Parameter columns: configurations, steps, seeds, jobs, and the values of each criterion, as many in
    ///   each, apart by spaces.
    /// - Returns: false for columns that are anything else; nothing is taken of them.
    mutating func add(_ columns: [String]) -> Bool {
        guard columns.count == 4 + criteria else { return false }
        let whole = columns.prefix(4).map(Self.whole)
        let numbers = columns.dropFirst(4).map(Self.numbers)
        let count = whole[0].count
        guard whole.allSatisfy({ $0.count == count }), numbers.allSatisfy({ $0.count == count }) else { return false }
        for index in 0..<count {
            entries.append(
                Entry(
                    configuration: whole[0][index], step: whole[1][index], seed: whole[2][index], job: whole[3][index]))
            for column in numbers { values.append(column[index]) }
        }
        return true
    }

    private static func whole(_ text: String) -> [Int] { read(text) { strtol($0, $1, 10) } }

    private static func numbers(_ text: String) -> [Double] { read(text) { strtod($0, $1) } }

    private static func read<Number>(
        _ text: String,
        _ next: (UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Number
    ) -> [Number] {
        var found: [Number] = []
        text.withCString { start in
            var place = start
            var end: UnsafeMutablePointer<CChar>?
            while place.pointee != 0 {
                let number = next(place, &end)
                // What is no number would be read for ever.
                guard let end, UnsafePointer(end) != place else { return }
                found.append(number)
                place = UnsafePointer(end)
                while place.pointee == 32 { place += 1 }
            }
        }
        return found
    }

    /// By configuration, step, seed and job; of two checkpoints of a job at one step the later one counts.
    mutating func sort() {
        var order = Array(entries.indices)
        func key(_ index: Int) -> (Int, Int, Int, Int) {
            let entry = entries[index]
            return (entry.configuration, entry.step, entry.seed, entry.job)
        }
        if !zip(order, order.dropFirst()).allSatisfy({ key($0) < key($1) }) {
            order.sort { key($0) == key($1) ? $0 < $1 : key($0) < key($1) }
            order = order.indices.filter { $0 + 1 == order.count || key(order[$0]) != key(order[$0 + 1]) }
                .map { order[$0] }
        }
        let (old, numbers, width) = (entries, values, criteria)
        entries = order.map { old[$0] }
        values = order.flatMap { numbers[($0 * width)..<(($0 + 1) * width)] }
    }
}
