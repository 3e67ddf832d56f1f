import CoreDiffusion
import CoreTensor
import RunSpec
import Synchronization

/// What all layers of an adapter share while they run: whether it trains, the step, and the dropouts.
final class AdapterControl {
    /// Off: no dropout, and every layer's effective weight is computed once and kept.
    var isTraining = true { didSet { if isTraining { weightsChanged() } } }
    /// Names the dropouts' random streams, with the layer.
    var step = 0
    /// Grows whenever kept weights become stale.
    private(set) var generation = 0
    /// T-LoRA's rule, with the times that the network's adapters follow; nil for one rank at all times.
    var rankByTime: (rule: TimestepRank, times: DenoisingTimes)?
    private let activationDropout: Float
    private let rankDropout: Float
    private let moduleDropout: Float
    private let seed: UInt64

    init(dropout: DropoutSpec = DropoutSpec(), seed: UInt64 = 0) {
        activationDropout = Float(dropout.activations)
        rankDropout = Float(dropout.rank)
        moduleDropout = Float(dropout.module)
        self.seed = seed
    }

    /// Makes every layer compute its weight again.
    func weightsChanged() {
        generation += 1
        keptBytes.withLock { $0 = 0 }
    }

    /// Whether another effective weight may be kept in memory: of a real base they would take as much as the
    /// base again, so what is beyond the limit is computed anew at every call.
    func mayKeep(bytes: Int) -> Bool {
        keptBytes.withLock { kept in
            guard kept + bytes <= Self.mostKept else { return false }
            kept += bytes
            return true
        }
    }

    private let keptBytes = Mutex(0)
    private static let mostKept = 128 << 20

    /// The random numbers of an update that draws some in every step.
    func drawStream(_ name: String) -> RandomStream {
        RandomStream(seed: seed, purpose: "draw/\(name)", step: step)
    }

    /// Whether the layer's adapter sits out this step.
    func skips(_ name: String) -> Bool {
        guard isTraining, moduleDropout > 0 else { return false }
        var stream = RandomStream(seed: seed, purpose: "module-dropout/\(name)", step: step)
        return stream.uniform() < moduleDropout
    }

    /// 0 or 1 for each output row of ΔW; nil if every row stays. Rows that stay are not scaled up.
    func rowMask(_ name: String, rows: Int) -> [Float]? {
        guard isTraining, rankDropout > 0 else { return nil }
        var stream = RandomStream(seed: seed, purpose: "rank-dropout/\(name)", step: step)
        return (0..<rows).map { _ in stream.uniform() < rankDropout ? 0 : 1 }
    }

    /// The rank activations of the samples at work, those that do not act at their times left out.
    ///
    /// - Precondition: `rankByTime`.
    func actingRanks(_ activations: Tensor, strength: Float) -> Tensor {
        guard let (rule, times) = rankByTime else { preconditionFailure("an adapter of one rank at all times") }
        return rule.masked(activations, times: times.now, strength: strength)
    }

    /// See `AdapterSet.actsBySample`.
    var actsBySample: Bool { rankByTime == nil && !(isTraining && activationDropout > 0) }

    /// Dropout of the rank activations, which are scaled by 1 / (1 − p); nil for none.
    func rankActivations(_ name: String) -> ((Tensor) -> Tensor)? {
        guard isTraining, activationDropout > 0 else { return nil }
        let rate = activationDropout
        let stream = RandomStream(seed: seed, purpose: "dropout/\(name)", step: step)
        return { activations in
            var stream = stream
            let mask = Tensor(uninitialized: activations.shape)
            let kept = 1 / (1 - rate)
            mask.withMutableBuffer { values in
                for i in values.indices { values[i] = stream.uniform() < rate ? 0 : kept }
            }
            return multiply(activations, mask)
        }
    }
}
