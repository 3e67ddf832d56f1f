import CoreTensor
package import RunSpec

/// One layer's adapter: where it sits and what it trains.
package struct AdapterLayer {
    package enum Content {
        case weight(Algorithm, any LayerUpdate)
        case norm(NormUpdate)
    }

    package let target: LayerTarget
    /// The layer's name in the file that was read; for a new adapter the name under which it is written.
    package let name: String
    package let content: Content
    /// Factor of its side's learning rate (`block_lr`).
    package var blockLearningRate = 1.0
    /// The keys of the file that was read, by suffix; none for a new adapter.
    package var spellings: [String: String] = [:]
    /// Tensors are not those of the file: another one was multiplied into them.
    package var isFolded = false

    package var side: AdapterSide { target.side }

    /// Trainable tensors in the order of the file's keys.
    package var tensors: [AdapterTensor] {
        switch content {
        case .weight(_, let update): update.tensors
        case .norm(let update): update.tensors
        }
    }

    /// As a file has them, without alpha.
    var fileTensors: [FileTensor] {
        switch content {
        case .weight(_, let update): update.fileTensors()
        case .norm(let update):
            update.tensors.map { FileTensor(suffix: $0.suffix, shape: $0.fileShape, floats: $0.fileValues) }
        }
    }

    package var alpha: Float? {
        switch content {
        case .weight(_, let update): update.alpha
        case .norm: nil
        }
    }
}
