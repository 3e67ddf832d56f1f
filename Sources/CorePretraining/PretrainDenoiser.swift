import CoreData
import CoreDiffusion
import CoreTensor

/// The stage that makes pictures: U-Net and text encoder learn together to find the noise in latents.
struct PretrainDenoiser {
    let unet: UNet2DConditionModel
    let textEncoder: CLIPTextModel
    let tokenizer: CLIPTokenizer
    let schedule: NoiseSchedule
    let corpus: PretrainCorpus
    /// Scaled latents of the corpus' samples.
    let latents: PretrainLatents
    let settings: PretrainSettings

    func loss(step: Int) -> Tensor {
        var stream = RandomStream(seed: settings.seed, purpose: "denoiser batch", step: step)
        var chosen: [Int] = []
        var captions: [String] = []
        var timesteps: [Int] = []
        for _ in 0..<settings.denoiser.batch {
            let index = choose(&stream)
            chosen.append(index)
            captions.append(caption(of: corpus.samples[index], &stream))
            timesteps.append(stream.integer(below: schedule.timestepCount))
        }
        let clean = latents.batch(chosen)
        let noise = Tensor(uninitialized: clean.shape)
        var noiseStream = RandomStream(seed: settings.seed, purpose: "denoiser noise", step: step)
        noiseStream.fillNormal(noise)
        let context = textEncoder(ids: captions.map(tokenizer.encode)).hidden
        let prediction = unet(
            sample: schedule.addNoise(clean, noise, timesteps: timesteps), timesteps: timesteps.map(Float.init),
            context: context)
        return meanSquaredError(prediction, schedule.target(clean, noise, timesteps: timesteps))
    }

    /// A sample: composed or plain, of an everyday name or of any.
    private func choose(_ stream: inout RandomStream) -> Int {
        let (composed, everyday) = (
            stream.uniform() < settings.attributeShare, stream.uniform() < settings.everydayShare
        )
        if everyday {
            let indices = composed ? corpus.everydayComposed : corpus.everyday
            return indices[stream.integer(below: indices.count)]
        }
        let range = composed ? corpus.composed : corpus.plain
        return range.lowerBound + stream.integer(below: range.count)
    }

    /// The caption, sometimes dropped for guidance, sometimes with a trigger that means nothing.
    private func caption(of sample: PretrainCorpus.Sample, _ stream: inout RandomStream) -> String {
        let (dropped, triggered) = (
            stream.uniform() < settings.captionDropout, stream.uniform() < settings.triggerShare
        )
        let trigger = TriggerTokens.all[stream.integer(below: TriggerTokens.all.count)]
        if dropped { return "" }
        guard triggered else { return sample.caption }
        let subject = corpus.entries[sample.entry].caption
        return sample.composition.caption(of: "\(trigger) \(subject)")
    }
}
