package import CoreTensor

/// Editing with the representations of Flux.1's double blocks, without training: a coarse change of the
/// pooled prompt, and a fine change of the attention's results, each by what the edit prompt says that the
/// other prompts do not.
///
/// No code of the authors could be had; two ports differ in details that decide what a scale means. Each is a
/// variant with a name.
/// - SeeAlso: Dalva et al., “FluxSpace”, arXiv:2412.09611.
package struct FluxSpace: Equatable, Sendable {
    /// The details in which ports differ.
    package struct Variant: Equatable, Sendable {
        /// Every token keeps the length it had before the fine change.
        package var keepsLength: Bool
        /// Queries and keys of the mask carry their places.
        package var rotatesMask: Bool
        /// Words of the edit prompt, as T5's positions, whose attention is the mask.
        package var maskWords: [Int]
        /// The empty prompt's stream reads the changed embedding too.
        package var changesNull: Bool
        /// Added to the squared length that a projection divides by.
        package var epsilon: Float
        /// The coarse change begins with the start step, not with the first.
        package var coarseWaits: Bool

        /// The first port; 5 to 10 is a usual fine scale.
        package static let lengthKeeping = Variant(
            keepsLength: true, rotatesMask: false, maskWords: [0], changesNull: true, epsilon: 1e-10,
            coarseWaits: false)
        /// The second port; 0.3 to 1 is a strong fine scale.
        ///
        /// - Parameter words: positions of the edit's words in its prompt.
        package static func free(maskWords words: [Int]) -> Variant {
            Variant(
                keepsLength: false, rotatesMask: true, maskWords: words, changesNull: false, epsilon: 1e-8,
                coarseWaits: true)
        }
    }

    package var variant: Variant
    /// λ of the pooled prompt, -1 to 1; 0 changes nothing.
    package var coarse: Float = 0
    /// λ of the attention's results; 0 changes nothing.
    package var fine: Float = 0
    /// Pixels whose mask is at least that are changed: 0 all, above 1 none.
    package var tau: Float = 0.5
    /// First and last step of the fine change, from 0.
    package var start = 0
    package var stop: Int?

    package init(_ variant: Variant) { self.variant = variant }

    /// What the three prompts say; each for every sample.
    package struct Prompts {
        package let base, edit, null: TextCondition

        package init(base: TextCondition, edit: TextCondition, null: TextCondition) {
            self.base = base
            self.edit = edit
            self.null = null
        }
    }

    func isFine(at step: Int) -> Bool { fine != 0 && step >= start && step <= stop ?? .max }
    func isCoarse(at step: Int) -> Bool { coarse != 0 && (!variant.coarseWaits || step >= start) }

    /// (1 − λ) p + λ p⊥, with p⊥ the part of the edit's pooled prompt that is orthogonal to the base's.
    package func pooled(base: Tensor, edit: Tensor) -> Tensor {
        let orthogonal = Self.orthogonal(edit, to: base, epsilon: variant.epsilon)
        return add(scaled(base, by: 1 - coarse), scaled(orthogonal, by: coarse))
    }

    /// Each row of x without its projection on the row of `other`.
    package static func orthogonal(_ x: Tensor, to other: Tensor, epsilon: Float) -> Tensor {
        let width = x.shape[x.shape.count - 1]
        let (count, result) = (x.count, Tensor(uninitialized: x.shape))
        withElements(x.reading, other.reading, result.writing) { x, other, result in
            for row in stride(from: 0, to: count, by: width) {
                var (dot, square) = (0.0, 0.0)
                for i in row..<row + width {
                    dot += Double(x[i]) * Double(other[i])
                    square += Double(other[i]) * Double(other[i])
                }
                let share = Float(dot / (square + Double(epsilon)))
                for i in row..<row + width { result[i] = x[i] - share * other[i] }
            }
        }
        return result
    }
}
