import CoreData
import CoreDiffusion
import CoreTensor
import RunSpec

/// The data set as the loop needs it: latents encoded once, and captions encoded once unless a text encoder
/// learns too.
///
/// Items are numbered: training images, then regularisation images, then held-out ones.
struct TrainingMaterial {
    /// Items that an epoch visits, with repetitions, by bucket.
    let visits: [[Int]]
    /// Items for the validation loss: the held-out images, or the first training images where there are none.
    let validation: [Int]
    /// What the pictures' reader told.
    let warnings: [String]

    /// Scaled latents of each item, then of each mirrored item: one posterior sample, fixed for the run, as
    /// kohya's caches.
    private let latents: TensorCache
    /// What edits begin with, of the same rows; nil where there are none.
    private let sources: TensorCache?
    private let isMirroring: Bool
    /// Whether zeros stand for no source.
    private let dropsSources: Bool
    /// First item of the regularisation images, and of the held-out ones.
    private let regularisation: Range<Int>
    private let captions: [String]
    /// SDXL's six sizes of each item, then of each mirrored item.
    private let sizes: [[Float]]
    /// What the captions tell the U-Net; nil while a text encoder is trained.
    private let encoded: EncodedCaptions?
    private let ids: [String: PromptIDs]

    // Enough to be smooth, few enough to cost less than five training steps.
    private static let validationImages = 16

    /// Finds what `make` would make of one picture: mean and logarithm of the variance, one behind the other.
    typealias Posterior = (_ pixels: Tensor, _ make: () -> [Float]) -> [Float]

    /// Finds what `make` would make of one caption.
    typealias Caption = (_ ids: PromptIDs, _ clipSkip: Int, _ make: () -> [Float]) -> [Float]

    /// - Parameters:
    ///   - regularisation: images of the class without the subject, for prior preservation; nil for none.
    ///   - posterior: nil encodes every picture.
    ///   - caption: nil encodes every caption.
    init(
        data: ConceptDataSet, regularisation: ConceptDataSet?, model: TrainedModel, training: TrainingSpec,
        posterior: Posterior? = nil, caption: Caption? = nil
    ) throws {
        let prior = regularisation?.images ?? []
        let images = data.images + prior + data.validation
        guard let pipeline = model.pipeline else { preconditionFailure("the base's encoders are gone already") }
        let buckets = Self.buckets(pipeline, training)
        let trained = data.images.count
        self.regularisation = trained..<trained + prior.count
        let heldOut = Array(trained + prior.count..<images.count)
        validation = Array((heldOut.isEmpty ? Array(0..<trained) : heldOut).prefix(Self.validationImages))
        isMirroring = training.data.flip
        dropsSources = pipeline.unet.sourceReading == .channels
        let encodedImages = try Self.encoded(images, to: buckets, pipeline, training) { pixels in
            Self.moments(of: pixels, pipeline.vae, posterior)
        }
        latents = encodedImages.latents
        sizes = encodedImages.sizes
        sources = try Self.sources(
            images, sizes: encodedImages.sizes, buckets: encodedImages.buckets, isMirroring: isMirroring, pipeline)
        warnings = encodedImages.warnings
        captions = images.map(\.caption)
        visits = Self.visits(images, trained: trained, prior: self.regularisation, sizes: encodedImages.buckets)
        // The empty caption stands for dropped ones.
        let distinct = Set(captions).union([""]).sorted()
        let chunks = training.data.maxTokenLength / 75
        let ids = Dictionary(uniqueKeysWithValues: distinct.map { ($0, pipeline.ids(of: $0, chunks: chunks)) })
        self.ids = ids
        encoded =
            model.trainsText
            ? nil
            : EncodedCaptions(distinct) {
                let (ids, clipSkip) = ([ids[$0]].compactMap { $0 }, training.data.clipSkip)
                let encode = { pipeline.condition(ids, clipSkip: clipSkip) }
                guard let caption, let first = ids.first else { return encode() }
                return KeptCondition.condition(encode) { caption(first, clipSkip, $0) }
            }
    }

    /// Scaled latents of the items, `[B, h, w, c]`; with a step, some are mirrored as the job says.
    func latents(of items: [Int], step: Int? = nil, training: TrainingSpec) -> Tensor {
        latents.batch(rows(of: items, step: step, training))
    }

    /// What the items' captions and sources tell the U-Net; with a step some are dropped as the job says.
    func condition(
        of items: [Int], step: Int? = nil, model: TrainedModel, training: TrainingSpec
    ) -> TextCondition {
        var condition = textCondition(of: items, step: step, model: model, training: training)
        condition.source = source(of: items, step: step, training)
        return condition
    }

    private func textCondition(
        of items: [Int], step: Int?, model: TrainedModel, training: TrainingSpec
    ) -> TextCondition {
        let texts = texts(of: items, step: step, training)
        let sizes = rows(of: items, step: step, training).map { self.sizes[$0] }
        if let encoded { return encoded.condition(texts, sizes: sizes) }
        guard let pipeline = model.pipeline else { preconditionFailure("captions to encode without text encoders") }
        return pipeline.condition(
            texts.compactMap { ids[$0] }, clipSkip: training.data.clipSkip, sizes: sizes)
    }

    /// The ids of the items' captions, as the step sees them.
    func ids(of items: [Int], step: Int, training: TrainingSpec) -> [PromptIDs] {
        texts(of: items, step: step, training).compactMap { ids[$0] }
    }

    private func texts(of items: [Int], step: Int?, _ training: TrainingSpec) -> [String] {
        items.enumerated().map { place, item in
            if isDropped(place, step, training).text { return "" }
            guard let step, training.data.captionDropout > 0 else { return captions[item] }
            var random = RandomStream(
                seed: UInt64(training.seed), purpose: "caption dropout", step: step, item: place)
            return Double(random.uniform()) < training.data.captionDropout ? "" : captions[item]
        }
    }

    /// What the sample sees of an edit's two conditions: as in diffusers' trainer one number decides about
    /// both.
    private func isDropped(_ place: Int, _ step: Int?, _ training: TrainingSpec) -> (text: Bool, source: Bool) {
        guard let step, sources != nil else { return (false, false) }
        let share = Float(training.data.conditionDropout ?? DataSpec.usualConditionDropout)
        var random = RandomStream(seed: UInt64(training.seed), purpose: "condition dropout", step: step, item: place)
        let number = random.uniform()
        return (number < 2 * share, dropsSources && number >= share && number < 3 * share)
    }

    /// Latents of what the items begin with; zeros of those that are dropped.
    private func source(of items: [Int], step: Int?, _ training: TrainingSpec) -> Tensor? {
        guard let sources else { return nil }
        let batch = sources.batch(rows(of: items, step: step, training))
        let size = batch.count / items.count
        batch.withMutableBuffer { values in
            for place in items.indices where isDropped(place, step, training).source {
                values[place * size..<(place + 1) * size].update(repeating: 0)
            }
        }
        return batch
    }

    /// The items in batches of one size each, in their order otherwise.
    func batches(of items: [Int], size: Int) -> [[Int]] {
        var batches: [[Int]] = []
        for item in items {
            if let last = batches.last, last.count < size, latents.shape(of: last[0]) == latents.shape(of: item) {
                batches[batches.count - 1].append(item)
            } else {
                batches.append([item])
            }
        }
        return batches
    }

    /// The loss weight of each item; nil if all count alike.
    func weights(of items: [Int], training: TrainingSpec) -> [Float]? {
        guard !regularisation.isEmpty else { return nil }
        return items.map { regularisation.contains($0) ? Float(training.loss.priorLossWeight) : 1 }
    }

    /// Rows of the caches: an item's own, or its mirrored one's.
    private func rows(of items: [Int], step: Int?, _ training: TrainingSpec) -> [Int] {
        guard let step, isMirroring else { return items }
        return items.enumerated().map { place, item in
            var random = RandomStream(seed: UInt64(training.seed), purpose: "flip", step: step, item: place)
            return random.uniform() < 0.5 ? item : captions.count + item
        }
    }
}

extension TrainingMaterial {
    private static func buckets(_ pipeline: DiffusionPipeline, _ training: TrainingSpec) -> BucketSizes {
        let side = pipeline.imageSide
        let target = training.data.resolution ?? PixelSize(width: side, height: side)
        // 64 pixels for Stable Diffusion: eight of its latent's.
        return training.data.buckets
            ? BucketSizes(target: target, step: 8 * pipeline.vae.configuration.reduction) : BucketSizes(only: target)
    }

    /// One posterior sample of each image, and of each mirrored one where the job mirrors: encoded, not
    /// mirrored latents. One picture is in memory at a time.
    ///
    /// - Returns: besides, SDXL's six sizes of each image, then of each mirrored one; the bucket of each
    ///   image; and what the pictures' reader told.
    private static func encoded(
        _ images: [TrainingImage], to buckets: BucketSizes, _ pipeline: DiffusionPipeline, _ training: TrainingSpec,
        moments: (_ pixels: Tensor) -> (mean: Tensor, logvar: Tensor)
    ) throws -> (latents: TensorCache, sizes: [[Float]], buckets: [PixelSize], warnings: [String]) {
        let copies = training.data.flip ? 2 : 1
        var (plainSizes, mirroredSizes, found): ([[Float]], [[Float]], [PixelSize]) = ([], [], [])
        var warnings: [String] = []
        let latents = try TensorCache(Array(0..<copies * images.count)) { row in
            let fitted = try ConceptDataSet.fitted(images[row % images.count], to: buckets)
            if row < images.count {
                if let fault = pipeline.fault(width: fitted.size.width, height: fitted.size.height) {
                    throw TrainingError(
                        code: .job, message: "bucket \(fitted.size.width)×\(fitted.size.height): \(fault)")
                }
                plainSizes.append(sizes(fitted, mirrored: false))
                mirroredSizes.append(sizes(fitted, mirrored: true))
                found.append(fitted.size)
                if let warning = fitted.warning { warnings.append(warning) }
            }
            let image = row < images.count ? fitted.image : FittedImage.mirrored(fitted.image)
            let (mean, logvar) = moments(image.tensor())
            var random = RandomStream(seed: UInt64(training.seed), purpose: "posterior", item: row)
            let noise = Tensor(uninitialized: mean.shape)
            random.fillNormal(noise)
            return pipeline.vae.scaled(add(mean, multiply(exponential(scaled(logvar, by: 0.5)), noise)))
        }
        return (latents, plainSizes + mirroredSizes, found, warnings)
    }

    /// Of one picture, `[1, h, w, L]` each.
    private static func moments(
        of pixels: Tensor, _ vae: AutoencoderKL, _ posterior: Posterior?
    ) -> (mean: Tensor, logvar: Tensor) {
        guard let posterior else { return vae.encode(pixels) }
        let values = posterior(pixels) {
            let made = vae.encode(pixels)
            return made.mean.values + made.logvar.values
        }
        let (height, width) = (
            pixels.shape[1] / vae.configuration.reduction, pixels.shape[2] / vae.configuration.reduction
        )
        let half = values.count / 2
        guard values.count == 2 * half, half % (height * width) == 0 else { return vae.encode(pixels) }
        let shape = [1, height, width, half / (height * width)]
        return (Tensor(Array(values[..<half]), shape), Tensor(Array(values[half...]), shape))
    }

    /// The middle of the posterior of what each edit begins with, and of each mirrored one where the job
    /// mirrors; nil where the images are no edits.
    ///
    /// - Parameters:
    ///   - sizes: SDXL's six of each image.
    ///   - buckets: of each image.
    private static func sources(
        _ images: [TrainingImage], sizes: [[Float]], buckets: [PixelSize], isMirroring: Bool,
        _ pipeline: DiffusionPipeline
    ) throws -> TensorCache? {
        guard images.contains(where: { $0.source != nil }) else { return nil }
        return try TensorCache(Array(0..<(isMirroring ? 2 : 1) * images.count)) { row in
            let item = row % images.count
            let size = PixelSize(width: Int(sizes[item][1]), height: Int(sizes[item][0]))
            guard let picture = try ConceptDataSet.source(of: images[item], size: size) else {
                throw TrainingError(code: .job, message: "\(images[item].path): an edit without a source")
            }
            let fitted = FittedImage(picture, covering: buckets[item]).image
            let image = row < images.count ? fitted : FittedImage.mirrored(fitted)
            return pipeline.source(image.tensor())
        }
    }

    /// What SDXL is told: original height and width, crop top and left, target height and width.
    private static func sizes(_ image: FittedImage, mirrored: Bool) -> [Float] {
        let left = mirrored ? image.mirroredCropLeft : image.crop.left
        return [
            image.original.height, image.original.width, image.crop.top, left, image.size.height, image.size.width,
        ].map { Float($0) }
    }

    /// An epoch's visits by size: training images as often as their folders say, and as many visits of
    /// regularisation images, which are taken in turn; what is left of them stays unused.
    private static func visits(
        _ images: [TrainingImage], trained: Int, prior: Range<Int>, sizes: [PixelSize]
    ) -> [[Int]] {
        func repeated(_ items: Range<Int>) -> [Int] {
            items.flatMap { Array(repeating: $0, count: images[$0].repeats) }
        }
        let own = repeated(0..<trained)
        var others = Array(repeated(prior).prefix(own.count))
        for place in 0..<max(0, prior.isEmpty ? 0 : own.count - others.count) {
            others.append(prior.lowerBound + place % prior.count)
        }
        let groups = Dictionary(grouping: own + others) { sizes[$0] }
        return groups.sorted { ($0.key.width, $0.key.height) < ($1.key.width, $1.key.height) }.map(\.value)
    }
}
