import CoreData
import CoreDiffusion
import CoreTensor

/// What a step of a generator's pre-training sees: pictures drawn by chance, their captions, and noise.
struct PretrainBatches {
    struct Batch {
        /// Scaled, `[B, h, w, c]`.
        let latents: Tensor
        let noise: Tensor
        let captions: [String]
    }

    let corpus: PretrainCorpus
    /// Scaled latents of the corpus' samples.
    let latents: PretrainLatents
    let settings: PretrainSettings

    /// - Parameters:
    ///   - count: pictures of the step.
    ///   - level: draws a picture's noise level, from the stream that chose it; gets the side of the latents.
    func draw(step: Int, count: Int, level: (_ stream: inout RandomStream, _ side: Int) -> Void) -> Batch {
        var stream = RandomStream(seed: settings.seed, purpose: "denoiser batch", step: step)
        var chosen: [Int] = []
        var captions: [String] = []
        let side = settings.imageSide / settings.autoencoder.reduction
        for _ in 0..<count {
            let index = choose(&stream)
            chosen.append(index)
            captions.append(caption(of: corpus.samples[index], &stream))
            level(&stream, side)
        }
        let clean = latents.batch(chosen)
        let noise = Tensor(uninitialized: clean.shape)
        var noiseStream = RandomStream(seed: settings.seed, purpose: "denoiser noise", step: step)
        noiseStream.fillNormal(noise)
        return Batch(latents: clean, noise: noise, captions: captions)
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
