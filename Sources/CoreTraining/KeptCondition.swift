import CoreDiffusion
import CoreTensor

/// A caption's condition as a row of numbers that jobs can keep for each other: the sizes of its tensors,
/// then their elements.
enum KeptCondition {
    /// - Parameters:
    ///   - encode: encodes one caption.
    ///   - find: answers what its argument would make, perhaps from another job.
    static func condition(
        _ encode: @escaping () -> TextCondition, find: (_ make: () -> [Float]) -> [Float]
    ) -> TextCondition {
        var made: TextCondition?
        let row = find {
            let condition = encode()
            made = condition
            return self.row(of: condition)
        }
        return made ?? condition(row) ?? encode()
    }

    /// What SDXL is told of sizes is not kept: it belongs to the picture.
    static func row(of condition: TextCondition) -> [Float] {
        let states = condition.states
        let text = condition.added?.text.values ?? []
        let pooled = condition.pooled?.values ?? []
        let sizes = [states.shape[1], states.shape[2], text.count, pooled.count]
        var row = sizes.map { Float($0) }
        row += states.values
        row += text
        row += pooled
        return row
    }

    /// Nil for a row that is none of a condition's.
    static func condition(_ row: [Float]) -> TextCondition? {
        guard row.count > 4, row[..<4].allSatisfy({ $0 >= 0 && $0 < 0x1p24 && $0 == $0.rounded() }) else { return nil }
        let sizes = row[..<4].map { Int($0) }
        let states = sizes[0] * sizes[1]
        guard states > 0, row.count == 4 + states + sizes[2] + sizes[3] else { return nil }
        func part(_ start: Int, _ count: Int, _ shape: [Int]) -> Tensor? {
            count > 0 ? Tensor(Array(row[start..<start + count]), shape) : nil
        }
        let text = part(4 + states, sizes[2], [1, sizes[2]])
        return TextCondition(
            states: Tensor(Array(row[4..<4 + states]), [1, sizes[0], sizes[1]]),
            added: text.map { .init(text: $0, sizes: [Array(repeating: 0, count: 6)]) },
            pooled: part(4 + states + sizes[2], sizes[3], [1, sizes[3]]))
    }
}
