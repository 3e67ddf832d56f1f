/// Estimated cost of one training step of one layer's update, in multiply-adds of a large matrix product.
///
/// The layer's own product with the frozen weight is not counted: both ways need it forward and backward
/// once.
package struct UpdateCost: Equatable, Sendable {
    /// Adding the update's share to the layer's output.
    package let bypass: Double
    /// The same where the layer's own products sum the update's terms too, as linear layers in f32 do.
    package var fused = Double.infinity
    /// Computing with W + ΔW, gradients as low-rank products.
    package let merged: Double
    /// Computing with W + ΔW, gradients through that of the whole weight.
    package let rebuild: Double

    /// One pass of reading and writing memory, per element: what a processor core multiplies meanwhile.
    package static let pass = 24.0

    /// A product with inner or outer size `rank` reaches this share of a large product's speed.
    package static func efficiency(rank: Int) -> Double { min(1, Double(rank) / 28) }

    /// A low-rank product ΔW = up·down for `rows` positions, forward and backward.
    ///
    /// - Parameters:
    ///   - forward: of building W + ΔW.
    ///   - backward: from the gradient of the whole weight to those of the tensors.
    package static func lowRank(
        rows: Int, rank: Int, geometry: LayerGeometry, forward: Double, backward: Double
    ) -> UpdateCost {
        let (columns, outputs, positions) = (geometry.workColumns, Double(geometry.outputs), Double(rows))
        let product = positions * Double(rank) * (columns + outputs) / efficiency(rank: rank)
        // Every low-rank product reads the input or writes the output again.
        let traffic = pass * positions * (Double(geometry.inputs) + outputs)
        let whole = positions * columns * outputs / efficiency(rank: min(geometry.outputs, geometry.columns))
        return UpdateCost(
            bypass: 3 * product + 2 * traffic,
            fused: 2 * product + traffic + positions * Double(rank) * (columns + outputs),
            merged: 2 * product + traffic + forward,
            rebuild: whole + forward + backward)
    }
}
