package import CoreNets
package import CoreTensor

/// One learnt factor for each channel (Touvron et al., “Going deeper with image transformers”,
/// arXiv:2103.17239).
package final class Dinov2LayerScale: Module {
    /// `[C]`
    let factors: Parameter

    package init(width: Int) {
        factors = Parameter(shape: [width])
    }

    package var className: String { "Dinov2LayerScale" }
    package var parameters: [(name: String, parameter: Parameter)] { [("lambda1", factors)] }

    package func callAsFunction(_ x: Tensor) -> Tensor { scaleChannels(x, factors.tensor) }
}
