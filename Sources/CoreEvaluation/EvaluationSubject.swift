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

    /// How far the style of the class word has moved; nil for other prompts.
    func styleDistance(of images: [RGBImage], autoencoder: AutoencoderKL) -> Double? {
        guard plan.type == .style else { return nil }
        let distances = zip(images, baseGrams).map { autoencoder.style($0).squaredDistance(to: $1) }
        return distances.reduce(0, +) / Double(distances.count)
    }
}

/// What one pair of encoders sees in a subject, whatever the adapter.
struct SubjectFeatures {
    /// Of the concept's own images, and of these after the VAE's round trip.
    let real: FeatureRows
    let roundTrip: FeatureRows
    private let base: FeatureRows
    private let texts: FeatureRows
    private let plan: PromptPlan

    /// - Parameter known: those of another subject with the same images; measured anew without.
    init(_ subject: EvaluationSubject, known: SubjectFeatures?, encoders: ImageEncoders) throws {
        plan = subject.plan
        real = try known?.real ?? encoders.features(subject.reference.images)
        roundTrip = try known?.roundTrip ?? encoders.features(subject.reference.roundTrip)
        base = try encoders.features(subject.baseImages)
        texts = try encoders.features(texts: subject.plan.prompts.map(\.measuredText))
    }

    /// All metrics of the adapter's images, with the floor (`base_`) and the ceiling (`ceiling_`) beside
    /// them.
    func metrics(of images: [RGBImage], encoders: ImageEncoders) throws -> [(metric: String, value: Double)] {
        var metrics = measured(try encoders.features(images))
        metrics += measured(base).map { ("base_" + $0.metric, $0.value) }
        metrics.append(("ceiling_image_similarity", FeatureMetrics.imageSimilarity(roundTrip, real)))
        metrics.append(("ceiling_squared_centroid_distance", FeatureMetrics.squaredCentroidDistance(roundTrip, real)))
        return metrics
    }

    private func measured(_ features: FeatureRows) -> [(metric: String, value: Double)] {
        [
            ("image_similarity", FeatureMetrics.imageSimilarity(features, real)),
            ("squared_centroid_distance", FeatureMetrics.squaredCentroidDistance(features, real)),
            ("text_similarity", FeatureMetrics.textSimilarity(features, texts)),
            ("vendi", diversity(features)),
        ]
    }

    /// Vendi score inside each group of images with one prompt, averaged over the groups.
    private func diversity(_ features: FeatureRows) -> Double {
        let groups = Dictionary(grouping: plan.prompts.indices) { plan.prompts[$0].group }
        let scores = groups.sorted { $0.key < $1.key }.map { FeatureMetrics.vendi(features.rows($0.value)) }
        return scores.reduce(0, +) / Double(scores.count)
    }
}
