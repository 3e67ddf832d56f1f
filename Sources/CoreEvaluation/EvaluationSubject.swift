import CoreDiffusion
import ImageFiles
import RunSpec

/// One concept under one prompt type: what is drawn, what the base draws instead, and how both are measured.
struct EvaluationSubject {
    let reference: ConceptReference
    let plan: PromptPlan
    let baseImages: [RGBImage]
    /// Only of `style` prompts: they are the same for base and adapter, so a distance says what was lost.
    private let baseGrams: [StyleGrams]

    init(reference: ConceptReference, plan: PromptPlan, baseImages: [RGBImage], autoencoder: AutoencoderKL) {
        self.reference = reference
        self.plan = plan
        self.baseImages = baseImages
        baseGrams = plan.type == .style ? baseImages.map(autoencoder.style) : []
    }

    /// The concept's pictures that its prompts are about.
    var pictures: [RGBImage] { plan.type == .holdout ? reference.heldOut : reference.images }

    func drawing(_ images: [RGBImage]) -> Evaluation.Drawing {
        Evaluation.Drawing(
            class: reference.name, prompts: plan.type, images: images,
            own: plan.prompts.compactMap { $0.picture.map { pictures[$0] } },
            texts: plan.prompts.map(\.measuredText), seeds: plan.prompts.map(\.seed), baseImages: baseImages,
            references: pictures)
    }

    /// How far the style of the class word has moved; nil for other prompts.
    func styleDistance(of images: [RGBImage], autoencoder: AutoencoderKL) -> MeasuredMetric? {
        guard plan.type == .style else { return nil }
        let distances = zip(images, baseGrams).map { autoencoder.style($0).squaredDistance(to: $1) }
        return MeasuredMetric("style_distance", values: distances)
    }
}

/// What one pair of encoders sees in a concept's pictures.
struct ConceptFeatures {
    let trained: FeatureRows
    /// nil where nothing is held out.
    let heldOut: FeatureRows?
    /// Of these after the VAE's round trip.
    let trainedRoundTrip: FeatureRows
    let heldOutRoundTrip: FeatureRows?
    let copyingThreshold: Double?

    init(_ reference: ConceptReference, encoders: ImageEncoders) throws {
        func features(_ images: [RGBImage]) throws -> FeatureRows? {
            images.isEmpty ? nil : try encoders.features(images)
        }
        trained = try encoders.features(reference.images)
        heldOut = try features(reference.heldOut)
        trainedRoundTrip = try encoders.features(reference.roundTrip)
        heldOutRoundTrip = try features(reference.heldOutRoundTrip)
        copyingThreshold = PictureMetrics.copyingThreshold(trained)
    }

    /// All pictures of the concept, the held-out ones last: the same ones whichever are held out.
    var all: FeatureRows { .joined([trained] + (heldOut.map { [$0] } ?? [])) }
}

/// What one pair of encoders sees in a subject, whatever the adapter.
struct SubjectFeatures {
    private let concept: ConceptFeatures
    private let base: FeatureRows
    private let texts: FeatureRows
    private let plan: PromptPlan

    init(_ subject: EvaluationSubject, concept: ConceptFeatures, encoders: ImageEncoders) throws {
        plan = subject.plan
        self.concept = concept
        base = try encoders.features(subject.baseImages)
        texts = try encoders.features(texts: subject.plan.prompts.map(\.measuredText))
    }

    /// All metrics of the adapter's images, with the floor (`base_`) and the attainable bounds (`bound_`).
    func metrics(of images: [RGBImage], encoders: ImageEncoders) throws -> [MeasuredMetric] {
        measured(try encoders.features(images)) + measured(base).map(\.ofBase) + bounds
    }

    private func measured(_ images: FeatureRows) -> [MeasuredMetric] {
        var metrics = paired(images)
        metrics += distances(images, to: concept.trained, prefix: "")
        if let heldOut = concept.heldOut { metrics += distances(images, to: heldOut, prefix: "heldout_") }
        metrics.append(
            MeasuredMetric(
                "text_similarity", FeatureMetrics.textSimilarity(images, texts),
                values: FeatureMetrics.textSimilarities(images, texts)))
        metrics.append(diversity(images))
        // Of prompts that do not name the concept a likeness to it is no copy.
        guard plan.type != .style else { return metrics }
        let nearest = PictureMetrics.nearestSimilarity(images, concept.trained)
        metrics.append(MeasuredMetric("nearest_training_similarity", values: nearest))
        if let threshold = concept.copyingThreshold {
            let copies = PictureMetrics.copying(images, concept.trained, threshold: threshold)
            metrics.append(MeasuredMetric("copying", values: copies))
        }
        return metrics
    }

    /// Of images that have a picture of their own.
    private func paired(_ images: FeatureRows) -> [MeasuredMetric] {
        guard let own = ownPictures else { return [] }
        let pictures = concept.all
        let fidelity = PictureMetrics.pairedFidelity(images, pictures, own: own)
        let retrieval = PictureMetrics.ownPictureRetrieval(images, pictures, own: own)
        return [MeasuredMetric("paired_fidelity", values: fidelity)]
            + (retrieval.map { [MeasuredMetric("own_picture_retrieval", values: $0)] } ?? [])
    }

    /// Rows of `ConceptFeatures.all`.
    private var ownPictures: [Int]? {
        let first = plan.type == .holdout ? concept.trained.count : 0
        let own = plan.prompts.compactMap { $0.picture.map { first + $0 } }
        return own.count == plan.prompts.count ? own : nil
    }

    private func distances(_ images: FeatureRows, to pictures: FeatureRows, prefix: String) -> [MeasuredMetric] {
        [
            MeasuredMetric(
                prefix + "image_similarity", FeatureMetrics.imageSimilarity(images, pictures),
                values: PictureMetrics.meanSimilarity(images, pictures)),
            MeasuredMetric(
                prefix + "squared_centroid_distance", FeatureMetrics.squaredCentroidDistance(images, pictures),
                count: images.count),
        ]
    }

    /// Vendi score inside each group of images with one prompt, averaged over the groups; counted is the
    /// smallest group.
    private func diversity(_ images: FeatureRows) -> MeasuredMetric {
        let groups = Dictionary(grouping: plan.prompts.indices) { plan.prompts[$0].group }
        let scores = groups.sorted { $0.key < $1.key }.map { FeatureMetrics.vendi(images.rows($0.value)) }
        return MeasuredMetric(
            "vendi", scores.reduce(0, +) / Double(scores.count), count: groups.values.map(\.count).min() ?? 0)
    }

    /// What no adapter can pass, and what none with this autoencoder can.
    private var bounds: [MeasuredMetric] {
        var bounds = [
            MeasuredMetric(
                "bound_image_similarity", PictureMetrics.similarityBound(concept.trained), count: concept.trained.count)
        ]
        let isHeldOut = plan.type == .holdout
        if ownPictures != nil, let pictures = isHeldOut ? concept.heldOut : concept.trained,
            let roundTrip = isHeldOut ? concept.heldOutRoundTrip : concept.trainedRoundTrip
        {
            let kept = PictureMetrics.pairedFidelity(roundTrip, pictures, own: Array(0..<pictures.count))
            let mean = kept.reduce(0, +) / Double(kept.count)
            bounds.append(MeasuredMetric("bound_paired_fidelity", mean, count: kept.count))
        }
        return bounds
    }
}
