import CoreDiffusion
import CoreTensor

/// What each step of a run saw, in the format of `model replay`: `latents.i`, `noise.i` and `timesteps.i`,
/// with `context.i` where captions are encoded once and `input_ids.i` where a text encoder is trained; SDXL's
/// also `time_ids.i`, `text_embeds.i` and `input_ids_2.i`. A flow's timesteps are floats, and it has
/// `pooled_projections.i`. `step.i` tells batches of one optimiser step,
/// `loss_weights.i` what the loss of each sample counts, where that is not 1.
package final class BatchDump {
    private let path: String
    private var writer = SafetensorsWriter(metadata: ["format": "radiata-batches"])
    private var count = 0

    package init(path: String) { self.path = path }

    /// Where the adapter goes from which training starts: its layers are drawn at random too.
    package var adapterPath: String {
        (path.hasSuffix(".safetensors") ? String(path.dropLast(".safetensors".count)) : path) + ".adapter.safetensors"
    }

    /// - Parameters:
    ///   - step: of the optimiser, from 0.
    ///   - ids: of the captions, where a text encoder is trained; then `condition` is what it made of them.
    func add(step: Int, _ batch: NoisyBatch, _ condition: TextCondition, ids: [PromptIDs]?) {
        let samples = batch.times.count
        add("latents", permuted(batch.latents, [0, 3, 1, 2]))
        add("noise", permuted(batch.noise, [0, 3, 1, 2]))
        if batch.timesteps.isEmpty {
            writer.add("timesteps.\(count)", shape: [samples], floats: batch.times)
        } else {
            writer.add("timesteps.\(count)", shape: [samples], integers: batch.timesteps.map(Int64.init))
        }
        writer.add("step.\(count)", shape: [1], integers: [Int64(step)])
        if let weights = batch.weights { writer.add("loss_weights.\(count)", shape: [samples], floats: weights) }
        if let added = condition.added {
            writer.add("time_ids.\(count)", shape: [samples, 6], floats: added.sizes.flatMap(\.self))
        }
        if let ids {
            add("input_ids", ids.flatMap(\.first))
            if condition.added != nil { add("input_ids_2", ids.flatMap(\.second)) }
        } else {
            add("context", condition.states)
            if let pooled = condition.pooled { add("pooled_projections", pooled) }
            if let added = condition.added { add("text_embeds", added.text) }
        }
        count += 1
    }

    /// Everything so far, in one atomic step.
    func write() throws { try writer.write(to: path) }

    private func add(_ name: String, _ tensor: Tensor) {
        writer.add("\(name).\(count)", shape: tensor.shape, floats: tensor.values)
    }

    private func add(_ name: String, _ rows: [[Int32]]) {
        writer.add(
            "\(name).\(count)", shape: [rows.count, rows.first?.count ?? 0],
            integers: rows.flatMap { $0.map(Int64.init) })
    }
}
