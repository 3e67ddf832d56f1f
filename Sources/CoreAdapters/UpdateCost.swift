/// Estimated cost of one training step of one layer's update, in multiply-adds of a large matrix product.
///
/// The layer's own product with the frozen weight is not counted: both ways need it forward and backward once.
package struct UpdateCost: Equatable, Sendable {
    package let bypass: Double
    package let rebuild: Double

    /// One pass of reading and writing memory, per element: what a processor core multiplies meanwhile.
    package static let pass = 24.0

    /// A product with inner or outer size `rank` reaches this share of a large product's speed.
    package static func efficiency(rank: Int) -> Double { min(1, Double(rank) / 28) }

    /// A low-rank product ΔW = up·down applied to `rows` positions, forward and backward, against building ΔW and taking the
    /// gradient of the whole weight.
    package static func lowRank(rows: Int, rank: Int, geometry: LayerGeometry, building: Double) -> UpdateCost {
        let (columns, outputs) = (Double(geometry.columns), Double(geometry.outputs))
        let positions = Double(rows)
        let products = 3 * positions * Double(rank) * (columns + outputs) / efficiency(rank: rank)
        // The bypass reads the input twice more and writes the output once more, forward and backward.
        let traffic = pass * positions * (2 * outputs + (geometry.taps > 1 ? 2 * columns : 2 * Double(geometry.inputs)))
        return UpdateCost(
            bypass: products + traffic,
            rebuild: positions * columns * outputs / efficiency(rank: min(geometry.outputs, geometry.columns))
                + building)
    }
}
