import CoreNets
import CoreTensor
import Foundation

/// What all stages share: optimiser, schedule, state, progress.
final class PretrainLoop {
    let stage: PretrainSettings.Stage
    private let name: String
    private let weights: [(name: String, tensor: Tensor)]
    private let optimizer: AdamW
    private let average: ExponentialAverage?
    private let averageDecay: Float
    private let state: PretrainState
    private let seconds: () -> Double
    private let progress: (String) -> Void

    /// - Parameter seconds: a clock for progress lines only.
    init(
        name: String, modules: [(prefix: String, module: any Module)], stage: PretrainSettings.Stage,
        averageDecay: Float?,
        work: String, seconds: @escaping () -> Double, progress: @escaping (String) -> Void
    ) {
        self.name = name
        self.stage = stage
        let weights = modules.flatMap { prefix, module in
            module.allParameters().map { (name: "\(prefix).\($0.path)", tensor: $0.parameter.tensor) }
        }
        self.weights = weights
        for weight in weights { weight.tensor.requiresGradient = true }
        optimizer = AdamW(groups: Self.groups(weights, stage), betas: (0.9, 0.99))
        average = averageDecay.map { _ in ExponentialAverage(weights.map(\.tensor)) }
        self.averageDecay = averageDecay ?? 0
        state = PretrainState(work: work, stage: name)
        self.seconds = seconds
        self.progress = progress
    }

    /// No decay on embeddings, biases and norms: matrices and filters alone have two axes or more and are no
    /// tables.
    private static func groups(
        _ weights: [(name: String, tensor: Tensor)], _ stage: PretrainSettings.Stage
    ) -> [ParameterGroup] {
        let decayed = weights.filter { $0.tensor.shape.count > 1 && !$0.name.contains("embedding.weight") }
        let rest = weights.filter { $0.tensor.shape.count <= 1 || $0.name.contains("embedding.weight") }
        return [
            ParameterGroup(
                tensors: decayed.map(\.tensor), names: decayed.map(\.name), learningRate: stage.learningRate,
                weightDecay: stage.weightDecay),
            ParameterGroup(
                tensors: rest.map(\.tensor), names: rest.map(\.name), learningRate: stage.learningRate, weightDecay: 0),
        ]
    }

    /// Trains from the saved state to the stage's last step.
    ///
    /// - Parameters:
    ///   - saveEvery: steps between states.
    ///   - loss: the scalar to minimise for a step.
    ///   - saved: called after each state with the steps done, the weights being the averaged ones.
    func run(saveEvery: Int, loss: (Int) throws -> Tensor, saved: (Int) throws -> Void) throws {
        let first = try state.restore(weights: weights, optimizer: optimizer, average: average)
        if first >= stage.steps { progress("\(name): done before, \(first) steps") }
        let start = seconds()
        var recent: [Float] = []
        var mean: Float = 0
        for step in first..<max(first, stage.steps) {
            let value = try advance(step, loss)
            recent.append(value)
            guard value.isFinite else {
                throw PretrainError(
                    code: .diverged, message: "\(name): loss \(value) at step \(step); lower its learning rate")
            }
            if (step + 1) % 50 == 0 || step + 1 == stage.steps {
                mean = recent.reduce(0, +) / Float(recent.count)
                let rate = Double(step + 1 - first) / max(1e-9, seconds() - start)
                progress(
                    "\(name): step \(step + 1)/\(stage.steps) loss \(Self.digits(mean)) \(Self.digits(Float(rate))) steps/s"
                )
                recent = []
            }
            if (step + 1) % saveEvery == 0 || step + 1 == stage.steps {
                try state.save(
                    step: step + 1, loss: mean, weights: weights, optimizer: optimizer, average: average)
                average?.swap()
                try saved(step + 1)
                average?.swap()
            }
        }
        // From here on the weights are the ones that ship.
        average?.swap()
    }

    private func advance(_ step: Int, _ loss: (Int) throws -> Tensor) throws -> Float {
        optimizer.zeroGradients()
        let value = try loss(step)
        value.backward()
        clipGradients(weights.map(\.tensor), maxNorm: 1)
        optimizer.step(rate: PretrainSettings.rate(stage, step: step))
        average?.update(limit: averageDecay)
        return value.item()
    }

    private static func digits(_ value: Float) -> String { String(format: "%.4f", value) }
}
