import CoreData
import CoreDiffusion
import CoreTensor
import RunSpec

/// The data set as the loop needs it: latents encoded once, and captions encoded once unless the text encoder learns too.
struct TrainingMaterial {
    /// Scaled latents of each image: one posterior sample, fixed for the run, as kohya's caches.
    let latents: TensorCache
    private let captions: [String]
    /// Caption's place in the cache of encoded captions; nil while the text encoder is trained.
    private let encoded: (cache: TensorCache, place: [String: Int])?
    private let tokens: [String: [Int32]]

    init(data: ConceptDataSet, model: TrainedModel, training: TrainingSpec) throws {
        let side = training.resolution?.width ?? model.pipeline.imageSide
        let vae = model.pipeline.vae
        latents = try TensorCache(Array(data.images.enumerated())) { index, image in
            let pixels = try ConceptDataSet.square(image, resolution: side).tensor()
            let (mean, logvar) = vae.encode(pixels)
            var random = RandomStream(seed: UInt64(training.seed), purpose: "posterior", item: index)
            let noise = Tensor(uninitialized: mean.shape)
            random.fillNormal(noise)
            return vae.scaled(add(mean, multiply(exponential(scaled(logvar, by: 0.5)), noise)))
        }
        captions = data.images.map(\.caption)
        // The empty caption stands for dropped ones.
        let distinct = Set(captions).union([""]).sorted()
        let tokenizer = model.pipeline.tokenizer
        tokens = Dictionary(uniqueKeysWithValues: distinct.map { ($0, tokenizer.encode($0)) })
        if model.trainsText {
            encoded = nil
        } else {
            let cache = TensorCache(distinct) { caption in
                model.pipeline.textEncoder(ids: [tokenizer.encode(caption)], clipSkip: training.clipSkip).hidden
            }
            encoded = (cache, Dictionary(uniqueKeysWithValues: distinct.enumerated().map { ($1, $0) }))
        }
    }

    /// Encoded captions of the images, `[B, T, D]`; with a step some captions are dropped as the job says.
    func context(of items: [Int], step: Int? = nil, model: TrainedModel, training: TrainingSpec) -> Tensor {
        let texts = items.enumerated().map { place, item in
            guard let step, training.captionDropout > 0 else { return captions[item] }
            var random = RandomStream(
                seed: UInt64(training.seed), purpose: "caption dropout", step: step, item: place)
            return Double(random.uniform()) < training.captionDropout ? "" : captions[item]
        }
        if let encoded { return encoded.cache.batch(texts.map { encoded.place[$0, default: 0] }) }
        return model.pipeline.textEncoder(ids: texts.map { tokens[$0, default: []] }, clipSkip: training.clipSkip)
            .hidden
    }
}
