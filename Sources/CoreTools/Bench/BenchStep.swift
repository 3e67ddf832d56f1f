import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
package import RunSpec

/// Measures one adapter training step (forward, backward, AdamW) of a network with random weights.
package struct BenchStep {
    package var model = BenchModel.tiny
    package var algorithm = Algorithm.lora
    /// Side of the square latent; nil: the model's usual one.
    package var latent: Int?
    package var batch: Int?
    /// Steps to time after one that warms up; the median counts.
    package var steps = 8
    /// The rate that `peakShare` refers to; nil measures it first.
    package var peak: Double?
    /// Whether to time kinds of operations too, in further steps.
    package var profiles = false
    /// Activation checkpointing.
    package var checkpoints = false
    /// Rank; alpha is half of it.
    package var dim = 8
    /// Frozen weights rounded to half floats and stored so.
    package var halves = false

    package var precision = BenchPrecision.f32

    package init() {}

    package struct Report: Codable, Sendable {
        package let model: String
        package let algorithm: String
        package let batch: Int
        package let latent: Int
        /// Median of a step.
        package let seconds: Double
        /// Fastest step.
        package let bestSeconds: Double
        /// Median of the forward pass without gradients.
        package let forwardSeconds: Double
        /// Nominal work of a step (`nominalGflop`) by its time.
        package let gflops: Double
        package let nominalGflop: Double
        /// `gflops` by the machine's own matrix product rate.
        package let peakShare: Double
        package let peakGflops: Double
        /// Largest resident memory of the process.
        package let residentMB: Double
        package let adapterValues: Int
        package let kernel: String
        package let threads: Int
        package let precision: String
        /// Where the time of the profiled steps went, per step; nil unless asked for.
        package let profile: [Share]?

        package struct Share: Codable, Sendable {
            package let kind: String
            package let seconds: Double
            package let calls: Double
            /// Operations of the kind's products by its time; 0 where it has none.
            package let gflops: Double
        }

        private enum CodingKeys: String, CodingKey {
            case model, algorithm, batch, latent, seconds, gflops, kernel, threads, precision, profile
            case bestSeconds = "best_seconds"
            case forwardSeconds = "forward_seconds"
            case nominalGflop = "nominal_gflop"
            case peakShare = "peak_share"
            case peakGflops = "peak_gflops"
            case residentMB = "resident_mb"
            case adapterValues = "adapter_values"
        }
    }

    /// - Throws: `AdapterError` for an algorithm that is not built.
    package func run() throws -> Report {
        let side = latent ?? model.latent
        let samples = batch ?? model.batch
        let peakRate = peak ?? BenchGEMM().run().gflops
        Compute.releaseIdleBuffers()
        let bench = model.network(samples: samples, side: side)
        let (network, target) = (bench.network, bench.target)
        if halves { network.keepWeightsAsHalfWhenSet(rounding: true) }
        network.initialize(seed: 0)
        network.checkpoints = checkpoints
        let work = NominalWork.measure(network, model.layers, algorithm) { _ = bench.forward(false) }
        let forwardTimes = times { withoutGradients { precision.tensor.apply { _ = bench.forward(true) } } }

        let adapters = try AdapterSet.create(unet: network, textEncoder: nil, adapter: adapter)
        adapters.attach()
        defer { adapters.detach() }
        let optimizer = AdamW(
            groups: [ParameterGroup(tensors: adapters.trainables.map(\.tensor), learningRate: 1e-4, weightDecay: 0.01)])
        func step() {
            optimizer.zeroGradients()
            precision.tensor.apply { meanSquaredError(bench.forward(true), target).backward() }
            optimizer.step()
        }
        let stepTimes = times(step)
        let (median, machine) = (stepTimes[stepTimes.count / 2], Compute.description(of: precision.tensor))
        let rate = work.step / median / 1e9
        return Report(
            model: model.rawValue, algorithm: algorithm.rawValue, batch: samples, latent: side, seconds: median,
            bestSeconds: stepTimes[0], forwardSeconds: forwardTimes[forwardTimes.count / 2], gflops: rate,
            nominalGflop: work.step / 1e9, peakShare: rate / peakRate, peakGflops: peakRate,
            residentMB: Compute.peakMegabytes ?? 0, adapterValues: adapters.valueCount,
            kernel: machine.bf16 ?? machine.kernel,
            threads: machine.threads, precision: precision.rawValue, profile: profiles ? profile(step) : nil)
    }

    private func profile(_ step: () -> Void) -> [Report.Share] {
        let count = Double(max(1, steps))
        let clock = ContinuousClock()
        var total = 0.0
        let entries = OperationTimes.record {
            total = clock.measure { for _ in 0..<Int(count) { step() } } / .seconds(1)
        }
        let measured = entries.map { entry in
            Report.Share(
                kind: entry.kind.rawValue, seconds: entry.seconds / count, calls: Double(entry.calls) / count,
                gflops: entry.seconds > 0 ? entry.operations / entry.seconds / 1e9 : 0)
        }
        let rest = total / count - measured.reduce(0) { $0 + $1.seconds }
        return measured + [Report.Share(kind: "everything else", seconds: rest, calls: 0, gflops: 0)]
    }

    /// Alpha half of dim, factor 8.
    private var adapter: AdapterSpec {
        let alpha = Double(dim) / 2
        var adapter = AdapterSpec(
            algorithm: algorithm, layers: model.layers,
            size: AdapterSize(dim: dim, alpha: alpha, convDim: dim, convAlpha: alpha))
        adapter.options.factor = 8
        return adapter
    }

    /// Sorted times of `steps` runs after one that is not counted.
    private func times(_ body: () -> Void) -> [Double] {
        let clock = ContinuousClock()
        body()
        return (0..<max(1, steps)).map { _ in clock.measure(body) / .seconds(1) }.sorted()
    }
}
