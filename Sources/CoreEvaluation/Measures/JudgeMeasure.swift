import CoreDiffusion
import ImageFiles
import RunSpec

/// A CLIP pair that was tuned on people's choices: how well an image answers its prompt.
struct JudgeMeasure: SubjectMeasure {
    private let encoders: CLIPEncoders
    private let metric: String
    private let name: String
    private let scale: Double
    private let texts: [FeatureRows?]
    private let base: [MeasuredMetric?]

    /// - Parameter isScaled: whether cosines are multiplied by the pair's own factor, as PickScore's are.
    init(
        _ encoders: CLIPEncoders, metric: String, isScaled: Bool, name: String, role: EncoderRole,
        subjects: [EvaluationSubject], selection: MetricSelection
    ) throws {
        defer { encoders.release() }
        self.encoders = encoders
        self.metric = metric
        self.name = name
        let isWanted = selection.wants(metric, role: role, encoder: name)
        scale = isWanted && isScaled ? try encoders.similarityScale() : 1
        texts = try subjects.map { subject in
            guard isWanted else { return nil }
            let words = subject.plan.prompts.map(\.measuredText)
            return try encoders.vectors(texts: words).map { FeatureRows(normalizing: $0, count: words.count) }
        }
        var base: [MeasuredMetric?] = []
        for (subject, texts) in zip(subjects, texts) {
            base.append(try Self.scored(subject.baseImages, texts, encoders, metric, scale)?.ofBase)
        }
        self.base = base
    }

    func metrics(_ drawn: [[RGBImage]]) throws -> [[MeasuredMetric]] {
        defer { encoders.release() }
        return try drawn.indices.map { index in
            let own = try Self.scored(drawn[index], texts[index], encoders, metric, scale)
            return [own, base[index]].compactMap { $0 }.map { $0.renamed("\($0.name)@\(name)") }
        }
    }

    private static func scored(
        _ images: [RGBImage], _ texts: FeatureRows?, _ encoders: CLIPEncoders, _ metric: String, _ scale: Double
    ) throws -> MeasuredMetric? {
        guard let texts else { return nil }
        let features = FeatureRows(normalizing: try encoders.vectors(images), count: images.count)
        return MeasuredMetric(metric, values: FeatureMetrics.textSimilarities(features, texts).map { scale * $0 })
    }
}

/// LAION's aesthetic predictor on the image vectors of the named pair.
struct AestheticMeasure: SubjectMeasure {
    private let encoders: CLIPEncoders
    private let head: AestheticHead
    private let name: String
    private let base: [MeasuredMetric]
    private let isWanted: Bool

    init(
        _ encoders: CLIPEncoders, head: AestheticHead, name: String, subjects: [EvaluationSubject],
        selection: MetricSelection
    ) throws {
        defer { encoders.release() }
        self.encoders = encoders
        self.head = head
        self.name = name
        isWanted = selection.wants("aesthetic_score", role: .aesthetic, encoder: name)
        base = isWanted ? try subjects.map { try Self.scored($0.baseImages, encoders, head).ofBase } : []
    }

    func metrics(_ drawn: [[RGBImage]]) throws -> [[MeasuredMetric]] {
        guard isWanted else { return drawn.map { _ in [] } }
        defer { encoders.release() }
        return try drawn.indices.map { index in
            [try Self.scored(drawn[index], encoders, head), base[index]].map { $0.renamed("\($0.name)@\(name)") }
        }
    }

    private static func scored(
        _ images: [RGBImage], _ encoders: CLIPEncoders, _ head: AestheticHead
    ) throws -> MeasuredMetric {
        let rows = FeatureRows(normalizing: try encoders.vectors(images), count: images.count)
        return MeasuredMetric("aesthetic_score", values: (0..<rows.count).map { head(rows.row($0)) })
    }
}
