import CoreNets
package import CoreTensor
package import RunSpec

/// An adapter of a whole network: one update for each selected layer of the U-Net and the text encoder.
///
/// A new one (`create`) or one from a file (`load`) changes nothing until it is attached. Networks are
/// referred to, not copied, and must outlive it; `detach` leaves them as they were, bit for bit.
package final class AdapterSet {
    package let layers: [AdapterLayer]
    /// Keys and values of the file's text about itself; empty for a new adapter.
    package let metadata: [String: String]
    /// What a reader should be told about the file.
    package internal(set) var warnings: [String] = []
    let control: AdapterControl

    init(layers: [AdapterLayer], metadata: [String: String] = [:], control: AdapterControl = AdapterControl()) {
        self.layers = layers
        self.metadata = metadata
        self.control = control
    }

    /// Off for validation and image generation: no dropout, and effective weights are computed once and kept.
    /// Switch it on before the next training step.
    package var isTraining: Bool {
        get { control.isTraining }
        set { control.isTraining = newValue }
    }

    /// Whether a sample of a batch comes out the same whatever is computed beside it: not where a dropout is
    /// drawn for the batch as a whole, or where samples have times of their own.
    package var actsBySample: Bool { control.actsBySample }

    /// The training step, which seeds the dropouts.
    package var step: Int {
        get { control.step }
        set { control.step = newValue }
    }

    /// A trainable tensor with the name of its file key, which is stable over saving and resuming.
    package struct Trainable {
        package let name: String
        package let side: AdapterSide
        package let tensor: Tensor
        /// Factor of its side's learning rate (`block_lr`).
        package let blockLearningRate: Double
    }

    /// Every trainable tensor, in a fixed order.
    package var trainables: [Trainable] {
        layers.flatMap { layer in
            layer.tensors.map {
                Trainable(
                    name: "\(layer.name).\($0.suffix)", side: layer.side, tensor: $0.tensor,
                    blockLearningRate: layer.blockLearningRate)
            }
        }
    }

    /// The trainable tensors of one side, in the same order.
    package func trainables(_ side: AdapterSide) -> [Trainable] { trainables.filter { $0.side == side } }

    /// Numbers that a file of this adapter holds, alphas included.
    package var valueCount: Int {
        layers.reduce(0) { sum, layer in
            // A scalar is multiplied into another tensor.
            let tensors = layer.tensors.filter { $0.suffix != "scalar" }
            return sum + tensors.reduce(0) { $0 + $1.tensor.count } + (layer.alpha == nil ? 0 : 1)
        }
    }

    /// Shrinks every layer's ΔW whose norm exceeds a limit (`scale_weight_norms`), to be called after each
    /// step.
    ///
    /// - Returns: how many were shrunk.
    @discardableResult
    package func limitNorms(to limit: Double) -> Int {
        guard limit > 0 else { return 0 }
        return layers.count { layer in
            guard case .weight(_, let update) = layer.content else { return false }
            return update.limit(norm: Float(limit), base: layer.target.site(named: layer.name).weight)
        }
    }

    /// The algorithms in use, norms aside, most used first.
    package var algorithms: [Algorithm] {
        var counts: [Algorithm: Int] = [:]
        for case .weight(let algorithm, _) in layers.map(\.content) { counts[algorithm, default: 0] += 1 }
        return counts.sorted { ($0.value, $1.key.rawValue) > ($1.value, $0.key.rawValue) }.map(\.key)
    }
}
