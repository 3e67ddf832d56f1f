import CoreNets
import CoreTensor
import Foundation

/// A stage's training state on disk: weights, optimiser, average and step. Everything random is a function of
/// the step, so a stage that continues from its state ends where an uninterrupted one does.
struct PretrainState {
    private let path: String

    init(work: String, stage: String) { path = "\(work)/\(stage).state.safetensors" }

    var exists: Bool { FileManager.default.fileExists(atPath: path) }

    func save(
        step: Int, loss: Float, weights: [(name: String, tensor: Tensor)], optimizer: AdamW,
        average: ExponentialAverage?
    ) throws {
        var writer = SafetensorsWriter(metadata: ["step": String(step), "loss": String(loss)])
        for (name, tensor) in weights { writer.add("weight.\(name)", shape: tensor.shape, floats: tensor.values) }
        for state in optimizer.exportState() {
            writer.add("optimizer.\(state.name)", shape: state.shape, floats: state.floats)
        }
        if let average {
            for (value, weight) in zip(average.values, weights) {
                writer.add("average.\(weight.name)", shape: value.shape, floats: value.values)
            }
        }
        try writer.write(to: path)
    }

    /// - Returns: steps done, or 0 where there is no state yet.
    func restore(
        weights: [(name: String, tensor: Tensor)], optimizer: AdamW, average: ExponentialAverage?
    ) throws -> Int {
        guard exists else { return 0 }
        let file = try SafetensorsFile(path: path)
        guard let step = file.metadata["step"].flatMap(Int.init) else { throw damaged("no step") }
        for (name, tensor) in weights { try load("weight.\(name)", into: tensor, from: file) }
        try optimizer.importState(stepCount: step) { name in
            guard let info = file.info("optimizer.\(name)") else { return nil }
            return (info.shape, try file.floats("optimizer.\(name)"))
        }
        if let average {
            average.updateCount = step
            for (value, weight) in zip(average.values, weights) {
                try load("average.\(weight.name)", into: value, from: file)
            }
        }
        return step
    }

    /// How far the stage came; nil where it has not begun.
    func result() throws -> PretrainRecipe.StageResult? {
        guard exists else { return nil }
        let metadata = try SafetensorsFile(path: path).metadata
        guard let step = metadata["step"].flatMap(Int.init), let loss = metadata["loss"].flatMap(Double.init) else {
            throw damaged("no step or loss")
        }
        return PretrainRecipe.StageResult(steps: step, loss: loss)
    }

    private func load(_ name: String, into tensor: Tensor, from file: SafetensorsFile) throws {
        guard let info = file.info(name), info.shape == tensor.shape else {
            throw damaged("\(name) has shape \(file.info(name)?.shape ?? []), wanted \(tensor.shape)")
        }
        let floats = try file.floats(name)
        tensor.withMutableBuffer { _ = $0.update(fromContentsOf: floats) }
    }

    private func damaged(_ reason: String) -> PretrainError {
        PretrainError(
            code: .damagedState,
            message: "\(path): \(reason); the settings changed, so begin anew in another --work folder")
    }
}
