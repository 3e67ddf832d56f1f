import ImageFiles
import RunSpec

/// Everything that one encoder's features say.
struct FeatureMeasure: SubjectMeasure {
    private let encoder: FeatureEncoder
    private let features: [SubjectFeatures]
    /// For each subject that of the concept's trigger prompts.
    private let origins: [Int?]

    init(_ encoder: FeatureEncoder, subjects: [EvaluationSubject], selection: MetricSelection) throws {
        defer { encoder.release() }
        var concepts: [String: ConceptFeatures] = [:]
        self.encoder = encoder
        features = try subjects.map { subject in
            let name = subject.reference.name
            let concept = try concepts[name] ?? ConceptFeatures(subject.reference, encoder: encoder)
            concepts[name] = concept
            return try SubjectFeatures(subject, concept: concept, encoder: encoder, selection: selection)
        }
        origins = subjects.map { subject in
            subjects.firstIndex { $0.plan.type == .trigger && $0.reference.name == subject.reference.name }
        }
    }

    func metrics(_ drawn: [[RGBImage]]) throws -> [[MeasuredMetric]] {
        defer { encoder.release() }
        let rows = try drawn.map(encoder.features)
        return features.indices.map { index in
            let origin = origins[index].map { (images: rows[$0], subject: features[$0]) }
            return features[index].metrics(of: rows[index], origin: origin).flatMap { metric in
                encoder.names(of: metric.name).map(metric.renamed)
            }
        }
    }
}

/// What one encoder sees in a concept's pictures.
struct ConceptFeatures {
    let trained: FeatureRows
    /// nil where nothing is held out.
    let heldOut: FeatureRows?
    /// Of these after the VAE's round trip.
    let trainedRoundTrip: FeatureRows
    let heldOutRoundTrip: FeatureRows?
    let copyingThreshold: Double?

    init(_ reference: ConceptReference, encoder: FeatureEncoder) throws {
        func features(_ pictures: Pictures) throws -> FeatureRows? {
            pictures.count == 0 ? nil : try encoder.kept(pictures)
        }
        trained = try encoder.kept(reference.pictures(for: encoder))
        heldOut = try features(reference.heldOutPictures(for: encoder))
        trainedRoundTrip = try encoder.kept(Pictures(reference.roundTrip))
        heldOutRoundTrip = try features(Pictures(reference.heldOutRoundTrip))
        copyingThreshold = PictureMetrics.copyingThreshold(trained)
    }

    /// All pictures of the concept, the held-out ones last: the same ones whichever are held out.
    var all: FeatureRows { .joined([trained] + (heldOut.map { [$0] } ?? [])) }
}

/// What one encoder sees in a subject, whatever the adapter.
struct SubjectFeatures {
    private let concept: ConceptFeatures
    private let base: FeatureRows
    /// nil for an encoder that knows no texts.
    private let texts: FeatureRows?
    private let subject: EvaluationSubject
    private let wants: (String) -> Bool
    private let orders: [(name: String, order: Double)]
    private let directions: FeatureRows?

    init(
        _ subject: EvaluationSubject, concept: ConceptFeatures, encoder: FeatureEncoder, selection: MetricSelection
    ) throws {
        self.subject = subject
        self.concept = concept
        let (type, role, name) = (subject.plan.type, encoder.role, encoder.name)
        wants = { metric in
            guard let known = EvaluationMetric.named(metric), known.prompts.contains(type), encoder.makes(known) else {
                return false
            }
            return selection.wants(metric, role: role, encoder: name)
        }
        orders = selection.vendiOrders
        base = try encoder.kept(Pictures(subject.baseImages))
        texts = try encoder.features(texts: subject.plan.prompts.map(\.measuredText))
        directions = wants("sliced_wasserstein") ? DistributionMetrics.directions(width: base.width) : nil
    }

    /// All metrics of the adapter's images, with the floor (`base_`) and the attainable bounds (`bound_`).
    ///
    /// - Parameter origin: what was drawn from the trigger alone, and its subject.
    func metrics(
        of images: FeatureRows, origin: (images: FeatureRows, subject: SubjectFeatures)?
    ) -> [MeasuredMetric] {
        measured(images, origin: origin?.images, originTexts: origin?.subject.texts) + againstBase(images)
            + measured(base, origin: origin?.subject.base, originTexts: origin?.subject.texts).map(\.ofBase) + bounds
    }

    private func measured(
        _ images: FeatureRows, origin: FeatureRows?, originTexts: FeatureRows?
    ) -> [MeasuredMetric] {
        var metrics = paired(images)
        metrics += distances(images, to: concept.trained, prefix: "")
        if let heldOut = concept.heldOut { metrics += distances(images, to: heldOut, prefix: "heldout_") }
        if let texts, wants("text_similarity") {
            metrics.append(
                MeasuredMetric(
                    "text_similarity", FeatureMetrics.textSimilarity(images, texts),
                    values: FeatureMetrics.textSimilarities(images, texts)))
        }
        if let texts, let origin, let originTexts, wants("clip_direction") {
            metrics += direction(images, texts, from: origin, originTexts)
        }
        metrics += diversities(images)
        if wants("nearest_training_similarity") {
            let nearest = PictureMetrics.nearestSimilarity(images, concept.trained)
            metrics.append(MeasuredMetric("nearest_training_similarity", values: nearest))
        }
        if wants("copying"), let threshold = concept.copyingThreshold {
            let copies = PictureMetrics.copying(images, concept.trained, threshold: threshold)
            metrics.append(MeasuredMetric("copying", values: copies))
        }
        return metrics + distributions(images)
    }

    /// Of images that have a picture of their own.
    private func paired(_ images: FeatureRows) -> [MeasuredMetric] {
        guard let own = subject.ownRows(trained: concept.trained.count) else { return [] }
        let pictures = concept.all
        var metrics: [MeasuredMetric] = []
        if wants("paired_fidelity") {
            let fidelity = PictureMetrics.pairedFidelity(images, pictures, own: own)
            metrics.append(MeasuredMetric("paired_fidelity", values: fidelity))
        }
        if wants("own_picture_retrieval"),
            let retrieval = PictureMetrics.ownPictureRetrieval(images, pictures, own: own)
        {
            metrics.append(MeasuredMetric("own_picture_retrieval", values: retrieval))
        }
        return metrics
    }

    private func distances(_ images: FeatureRows, to pictures: FeatureRows, prefix: String) -> [MeasuredMetric] {
        var metrics: [MeasuredMetric] = []
        if wants(prefix + "image_similarity") {
            metrics.append(
                MeasuredMetric(
                    prefix + "image_similarity", FeatureMetrics.imageSimilarity(images, pictures),
                    values: PictureMetrics.meanSimilarity(images, pictures)))
        }
        if wants(prefix + "squared_centroid_distance") {
            metrics.append(
                MeasuredMetric(
                    prefix + "squared_centroid_distance", FeatureMetrics.squaredCentroidDistance(images, pictures),
                    count: images.count))
        }
        return metrics
    }

    /// As samples of distributions: of the training pictures.
    private func distributions(_ images: FeatureRows) -> [MeasuredMetric] {
        var metrics: [MeasuredMetric] = []
        if wants("kid"), let distance = DistributionMetrics.kernelDistance(images, concept.trained) {
            metrics.append(MeasuredMetric("kid", distance, count: images.count))
        }
        if wants("cmmd") {
            let discrepancy = DistributionMetrics.gaussianDiscrepancy(images, concept.trained)
            metrics.append(MeasuredMetric("cmmd", discrepancy, count: images.count))
        }
        if let directions, wants("sliced_wasserstein") {
            let distance = DistributionMetrics.slicedWasserstein(images, concept.trained, directions: directions)
            metrics.append(MeasuredMetric("sliced_wasserstein", distance, count: images.count))
        }
        return metrics
    }

    /// What has no value for the base, since it is a difference from it.
    private func againstBase(_ images: FeatureRows) -> [MeasuredMetric] {
        var metrics: [MeasuredMetric] = []
        if wants("leakage") {
            let leakage = PictureMetrics.leakage(images, base: base, concept.trained)
            metrics.append(MeasuredMetric("leakage", values: leakage))
        }
        if wants("paired_cmmd") {
            let discrepancy = DistributionMetrics.gaussianDiscrepancy(images, base)
            metrics.append(MeasuredMetric("paired_cmmd", discrepancy, count: images.count))
        }
        return metrics
    }

    private func direction(
        _ images: FeatureRows, _ texts: FeatureRows, from origin: FeatureRows, _ originTexts: FeatureRows
    ) -> [MeasuredMetric] {
        // Image i of every prompt type starts from the same noise.
        guard origin.count == images.count else { return [] }
        let values = PictureMetrics.direction(images, from: origin, texts: texts, from: originTexts)
        let known = values.compactMap { $0 }
        guard !known.isEmpty else { return [] }
        let mean = known.reduce(0, +) / Double(known.count)
        return [MeasuredMetric("clip_direction", mean, count: known.count, values: values.map { $0 ?? .nan })]
    }

    /// Vendi scores inside each group of images with one prompt, averaged over the groups; counted is the
    /// smallest group.
    private func diversities(_ images: FeatureRows) -> [MeasuredMetric] {
        let wanted = ([("vendi", 1.0)] + orders.map { ($0.name, $0.order) }).filter { wants($0.0) }
        guard !wanted.isEmpty else { return [] }
        let groups = Dictionary(grouping: subject.plan.prompts.indices) { subject.plan.prompts[$0].group }
            .sorted { $0.key < $1.key }.map { images.rows($0.value) }
        return wanted.map { name, order in
            let scores = groups.map { FeatureMetrics.vendi($0, order: order) }
            return MeasuredMetric(
                name, scores.reduce(0, +) / Double(scores.count), count: groups.map(\.count).min() ?? 0)
        }
    }

    /// What no adapter can pass, and what none with this autoencoder can.
    private var bounds: [MeasuredMetric] {
        var bounds: [MeasuredMetric] = []
        if wants("image_similarity") {
            let bound = PictureMetrics.similarityBound(concept.trained)
            bounds.append(MeasuredMetric("bound_image_similarity", bound, count: concept.trained.count))
        }
        let isHeldOut = subject.plan.type == .holdout
        if wants("paired_fidelity"), subject.ownRows(trained: concept.trained.count) != nil,
            let pictures = isHeldOut ? concept.heldOut : concept.trained,
            let roundTrip = isHeldOut ? concept.heldOutRoundTrip : concept.trainedRoundTrip
        {
            let kept = PictureMetrics.pairedFidelity(roundTrip, pictures, own: Array(0..<pictures.count))
            let mean = kept.reduce(0, +) / Double(kept.count)
            bounds.append(MeasuredMetric("bound_paired_fidelity", mean, count: kept.count))
        }
        return bounds
    }
}
