import CoreData
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation

/// The stage that makes a rectified flow: transformer, T5 and CLIP's text encoder learn together to tell the
/// velocity from picture to noise.
///
/// - SeeAlso: Esser et al., arXiv:2403.03206.
struct PretrainFlow {
    let pipeline: DiffusionPipeline
    let batches: PretrainBatches
    let schedule: FlowSchedule

    func loss(step: Int, count: Int) -> Tensor {
        var levels: [Float] = []
        let batch = batches.draw(step: step, count: count) { stream, side in
            let tokens = (side / pipeline.unet.latentStep) * (side / pipeline.unet.latentStep)
            let plain = 1 / (1 + exp(-Double(stream.normal())))
            levels.append(min(max(Float(schedule.shifted(plain, tokens: tokens)), 1e-5), 1))
        }
        let noisy = schedule.addNoise(batch.latents, batch.noise, levels: levels)
        let answer = pipeline.unet.predict(
            noisy, times: levels.map { $0 * Float(schedule.timestepCount) },
            condition: pipeline.condition(batch.captions), cache: nil)
        return meanSquaredError(answer, schedule.target(batch.latents, batch.noise))
    }

    /// Networks that begin anew: every block passes on what it gets at first, as diffusion transformers do.
    ///
    /// - SeeAlso: Peebles & Xie, arXiv:2212.09748 (adaLN-Zero).
    static func initialise(_ transformer: FluxTransformer2DModel, _ text: T5EncoderModel, seed: UInt64) {
        transformer.initialize(seed: seed, path: "transformer")
        text.initialize(seed: seed, path: "text_encoder_2")
        let neutral = ["norm1.linear", "norm1_context.linear", "norm.linear", "norm_out.linear", "proj_out"]
        for (path, parameter) in transformer.allParameters() {
            let layer = path.split(separator: ".").dropLast().joined(separator: ".")
            // A single block's own proj_out is no last layer.
            guard neutral.contains(where: { layer == $0 || $0 != "proj_out" && layer.hasSuffix("." + $0) }) else {
                continue
            }
            parameter.tensor.withMutableBuffer { values in
                for index in values.indices { values[index] = 0 }
            }
        }
    }
}
