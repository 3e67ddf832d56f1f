import CoreDiffusion
import CoreTensor

/// The stage that makes pictures: U-Net and text encoder learn together to find the noise in latents.
struct PretrainDenoiser {
    let unet: UNet2DConditionModel
    let textEncoder: CLIPTextModel
    let tokenizer: CLIPTokenizer
    let schedule: NoiseSchedule
    let batches: PretrainBatches

    func loss(step: Int, count: Int) -> Tensor {
        var timesteps: [Int] = []
        let batch = batches.draw(step: step, count: count) { stream, _ in
            timesteps.append(stream.integer(below: schedule.timestepCount))
        }
        let context = textEncoder(ids: batch.captions.map(tokenizer.encode)).hidden
        let prediction = unet(
            sample: schedule.addNoise(batch.latents, batch.noise, timesteps: timesteps),
            timesteps: timesteps.map(Float.init), context: context)
        return meanSquaredError(prediction, schedule.target(batch.latents, batch.noise, timesteps: timesteps))
    }
}
