import ImageFiles
import RunSpec

/// One concept under one prompt type: what is drawn, what the base draws instead, and how both are measured.
struct EvaluationSubject {
    let reference: ConceptReference
    let plan: PromptPlan
    let baseImages: [RGBImage]
    private let baseFeatures: FeatureRows
    private let texts: FeatureRows
    /// Only of `style` prompts: they are the same for base and adapter, so a distance says what was lost.
    private let baseGrams: [StyleGrams]

    init(reference: ConceptReference, plan: PromptPlan, baseImages: [RGBImage], encoders: ImageEncoders) {
        self.reference = reference
        self.plan = plan
        self.baseImages = baseImages
        baseFeatures = encoders.features(baseImages)
        texts = encoders.features(texts: plan.prompts.map(\.measuredText))
        baseGrams = plan.type == .style ? baseImages.map(encoders.style) : []
    }

    /// All metrics of the adapter's images, with the floor (`base_`) and the ceiling (`ceiling_`) beside them.
    func metrics(of images: [RGBImage], encoders: ImageEncoders) -> [(metric: String, value: Double)] {
        let features = encoders.features(images)
        let real = reference.features
        var metrics = measured(features)
        if plan.type == .style {
            let distances = zip(images, baseGrams).map { encoders.style($0).squaredDistance(to: $1) }
            metrics.append(("style_distance", distances.reduce(0, +) / Double(distances.count)))
        }
        metrics += measured(baseFeatures).map { ("base_" + $0.metric, $0.value) }
        metrics.append(("ceiling_image_similarity", FeatureMetrics.imageSimilarity(reference.roundTrip, real)))
        metrics.append(
            ("ceiling_squared_centroid_distance", FeatureMetrics.squaredCentroidDistance(reference.roundTrip, real)))
        return metrics
    }

    private func measured(_ features: FeatureRows) -> [(metric: String, value: Double)] {
        [
            ("image_similarity", FeatureMetrics.imageSimilarity(features, reference.features)),
            ("squared_centroid_distance", FeatureMetrics.squaredCentroidDistance(features, reference.features)),
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
