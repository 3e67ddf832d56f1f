import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec

/// The nominal number of floating-point operations of an adapter training step: what the arithmetic asks for,
/// whatever an implementation does on top (no recomputation, no rebuilding).
///
/// A frozen layer counts its product twice (forward, and the gradient of its input), attention its two
/// products forward and four backward, and a trained layer the cheaper of the gradient of the whole weight
/// and three low-rank products each way.
struct NominalWork {
    /// One forward pass, in operations (a multiply-add is two).
    var forward = 0.0
    /// One training step.
    var step = 0.0

    /// Runs one forward pass with counters in place of adapters.
    static func measure(
        _ network: any Module, _ layers: LayerSelection, _ algorithm: Algorithm, _ run: () -> Void
    ) -> NominalWork {
        let trained = Set(LayerTarget.selected(by: layers.unet, in: network, side: .unet).map(\.path))
        let counter = CallCounter()
        network.visit { path, module in
            if let layer = module as? Linear { layer.adapter = CallCounter.Probe(path, counter) }
            if let layer = module as? Conv2d { layer.adapter = CallCounter.Probe(path, counter) }
        }
        withoutGradients(run)
        network.visit { _, module in
            (module as? Linear)?.adapter = nil
            (module as? Conv2d)?.adapter = nil
        }
        var work = NominalWork()
        for call in counter.calls {
            let product = 2 * Double(call.rows) * Double(call.columns) * Double(call.outputs)
            work.forward += product
            work.step += 2 * product
            if trained.contains(call.path) {
                work.step += AdapterRegistry.trainsWholeWeights(algorithm) ? product : min(product, call.lowRank(8))
            }
        }
        for attention in counter.attentions {
            work.forward += 2 * attention
            work.step += 6 * attention
        }
        return work
    }
}

/// Counts the products of a forward pass from the layers' inputs.
private final class CallCounter {
    struct Call {
        let path: String
        let rows, columns, outputs: Int

        /// A rank-r pair of products forward and twice backward.
        func lowRank(_ rank: Int) -> Double { 6 * Double(rows) * Double(rank) * Double(columns + outputs) }
    }

    private(set) var calls: [Call] = []
    /// By the module that holds the projections.
    private var projections: [String: Projections] = [:]

    /// What an attention compares: of two streams that meet in it, both together.
    private struct Projections {
        var (samples, width) = (0, 0)
        var (queries, keys) = (0, 0)
    }

    /// Operations of one product of each attention: 2 · batch · queries · keys · width.
    var attentions: [Double] {
        projections.values.map { 2 * Double($0.samples * $0.queries) * Double($0.keys * $0.width) }
    }

    func add(_ call: Call, shape: [Int]) {
        calls.append(call)
        guard shape.count == 3, let dot = call.path.lastIndex(of: ".") else { return }
        var entry = projections[String(call.path[..<dot])] ?? Projections()
        // diffusers' names.
        switch call.path[dot...] {
        case ".to_q", ".add_q_proj": entry.queries += shape[1]
        case ".to_k", ".add_k_proj": entry.keys += shape[1]
        default: return
        }
        (entry.samples, entry.width) = (shape[0], call.outputs)
        projections[String(call.path[..<dot])] = entry
    }

    /// Stands where an adapter would.
    final class Probe: LayerAdapter {
        private let path: String
        private let counter: CallCounter

        init(_ path: String, _ counter: CallCounter) {
            self.path = path
            self.counter = counter
        }

        func forward(_ x: Tensor, through layer: Linear, adding residual: Tensor?) -> Tensor {
            counter.add(
                Call(path: path, rows: x.count / layer.inputs, columns: layer.inputs, outputs: layer.outputs),
                shape: x.shape)
            return layer.base(x, adding: residual)
        }

        func forward(_ x: Tensor, through layer: Conv2d, adding residual: Tensor?) -> Tensor {
            let y = layer.base(x, adding: residual)
            counter.add(
                Call(
                    path: path, rows: y.count / layer.outputs, columns: layer.kernel * layer.kernel * layer.inputs,
                    outputs: layer.outputs), shape: x.shape)
            return y
        }
    }
}
