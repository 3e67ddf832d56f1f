package import CoreTensor
import Foundation

/// One layer's trainable update: an algorithm's tensors and the ways to use them.
///
/// Weights are matrices `[outputs, columns]` here, columns in memory order (`LayerGeometry.columns`). Every
/// method records gradients. Strength scales the update at inference; training uses 1.
package protocol LayerUpdate: AnyObject {
    /// The trainable tensors, in the order of the algorithm's file keys.
    var tensors: [AdapterTensor] { get }
    /// The `alpha` of the file; nil where the file has none.
    var alpha: Float? { get }
    /// Called before each use: with the step's random stream in training, with nil otherwise.
    func begin(step stream: RandomStream?)
    /// ΔW at strength 1.
    ///
    /// - Parameter base: the frozen weight; only some algorithms look at it.
    func delta(base: Tensor) -> Tensor
    /// The weight to use in place of the base.
    func weight(base: Tensor, strength: Float) -> Tensor
    /// The bias to use in place of the base's.
    func bias(base: Tensor?, strength: Float) -> Tensor?
    /// y + ΔW x without ΔW; nil if the algorithm has no such form.
    func bypass(_ call: BypassCall) -> Tensor?
    /// ΔW = up · down, `[outputs, R]` and `[R, columns]`, with the scale in `up`; nil if the algorithm has no
    /// such form.
    func factors() -> (up: Tensor, down: Tensor)?
    /// Whether it is a product whose inner side some ranks can be left out of, by the bypass.
    var hasRanks: Bool { get }
    /// Gives y, which was computed with W + ΔW, the gradients of the update's tensors without that of the
    /// whole weight; nil if the algorithm has no such form for a layer of that stride.
    func mergedGradient(stride: Int) -> ((BypassCall) -> Tensor)?
    /// What one training step costs each way.
    func cost(rows: Int, geometry: LayerGeometry) -> UpdateCost
    /// Tensors whose joint factor scales ΔW: ΔW is a sum of one product for each list. Empty where no factor
    /// does that.
    var products: [[AdapterTensor]] { get }
    /// Shrinks ΔW to a norm, its tensors sharing the factor evenly; nothing happens below it.
    ///
    /// - Returns: whether anything changed.
    func limit(norm: Float, base: Tensor) -> Bool
    /// Extra values for a file: what `tensors` hold, with everything folded in that readers do not know.
    func fileTensors() -> [FileTensor]
}

/// A tensor as a file has it.
package struct FileTensor: Equatable, Sendable {
    package let suffix: String
    package let shape: [Int]
    package let floats: [Float]

    package init(suffix: String, shape: [Int], floats: [Float]) {
        self.suffix = suffix
        self.shape = shape
        self.floats = floats
    }
}

extension LayerUpdate {
    package func begin(step stream: RandomStream?) {}

    package func weight(base: Tensor, strength: Float) -> Tensor {
        let delta = delta(base: base)
        return add(base, strength == 1 ? delta : scaled(delta, by: strength))
    }

    package func bias(base: Tensor?, strength: Float) -> Tensor? { base }

    package func bypass(_ call: BypassCall) -> Tensor? { nil }

    package func factors() -> (up: Tensor, down: Tensor)? { nil }

    package var hasRanks: Bool { false }

    package func mergedGradient(stride: Int) -> ((BypassCall) -> Tensor)? {
        factors().map { pair in { $0.lowRankGradient(up: pair.up, down: pair.down) } }
    }

    package var products: [[AdapterTensor]] { [] }

    package func limit(norm limit: Float, base: Tensor) -> Bool {
        let products = products
        guard !products.isEmpty else { return false }
        let squares = withoutGradients { delta(base: base) }.withBuffer { delta in
            delta.reduce(0) { $0 + Double($1) * Double($1) }
        }
        let norm = squares.squareRoot()
        guard norm > Double(limit) else { return false }
        for product in products {
            let factor = Float(pow(Double(limit) / norm, 1 / Double(product.count)))
            for tensor in product { tensor.tensor.withMutableBuffer { for i in $0.indices { $0[i] *= factor } } }
        }
        return true
    }

    package func cost(rows: Int, geometry: LayerGeometry) -> UpdateCost {
        UpdateCost(bypass: .infinity, merged: .infinity, rebuild: 0)
    }

    package func fileTensors() -> [FileTensor] {
        tensors.map { FileTensor(suffix: $0.suffix, shape: $0.fileShape, floats: $0.fileValues) }
    }
}
