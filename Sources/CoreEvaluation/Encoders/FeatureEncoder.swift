import ImageFiles
import RunSpec

/// An encoder with what its metrics are called, which keeps the features of pictures that come again.
final class FeatureEncoder {
    /// nil for the base's own pair.
    let role: EncoderRole?
    let name: String?
    /// Whether its metrics get plain names too.
    let isPlainToo: Bool
    let fit: PictureFit
    private let encoder: any ImageEncoder
    private let key: ContentKey
    private let cache: FeatureCache?

    /// - Parameter key: of the encoder's content.
    init(
        _ encoder: any ImageEncoder, role: EncoderRole?, name: String?, isPlainToo: Bool = false, fit: PictureFit,
        key: ContentKey, cache: FeatureCache?
    ) {
        self.encoder = encoder
        self.role = role
        self.name = name
        self.isPlainToo = isPlainToo
        self.fit = fit
        var key = key
        key.add("\(fit.rawValue) \(role?.rawValue ?? "own")")
        self.key = key
        self.cache = cache
    }

    /// Features of images that are seen once.
    func features(_ images: [RGBImage]) throws -> FeatureRows {
        FeatureRows(normalizing: try encoder.vectors(images), count: images.count)
    }

    /// Features of pictures that other jobs see too. One picture at a time is in memory.
    func kept(_ pictures: Pictures) throws -> FeatureRows {
        let values = try (0..<pictures.count).flatMap { index -> [Float] in
            let picture = try pictures.at(index)
            var key = key
            key.add(picture)
            if let known = cache?.read(key) { return known }
            let vector = try encoder.vectors([picture])
            cache?.keep(vector, key)
            return vector
        }
        return FeatureRows(normalizing: values, count: pictures.count)
    }

    /// nil for an encoder that knows no texts.
    func features(texts: [String]) throws -> FeatureRows? {
        try encoder.vectors(texts: texts).map { FeatureRows(normalizing: $0, count: texts.count) }
    }

    func release() { encoder.release() }

    /// Whether it makes a metric that is wanted.
    func isNeeded(_ selection: MetricSelection) -> Bool {
        let names = EvaluationMetric.known.filter(makes).map(\.name) + selection.vendiOrders.map(\.name)
        return names.contains { selection.wants($0, role: role, encoder: name) }
    }

    /// Whether a metric is one of features that it has: the base's own pair is one of CLIP.
    func makes(_ metric: EvaluationMetric) -> Bool { metric.roles.contains(role ?? .clip) }

    /// What a metric's rows are called.
    func names(of metric: String) -> [String] {
        guard let name else { return [metric] }
        let isPlain = isPlainToo && EvaluationMetric.named(Self.plain(metric))?.isUsual(nil) != false
        return (isPlain ? [metric] : []) + ["\(metric)@\(name)"]
    }

    /// Without what says that it is the base's value, or a bound.
    private static func plain(_ metric: String) -> String {
        ["base_", "bound_"].first(where: metric.hasPrefix).map { String(metric.dropFirst($0.count)) } ?? metric
    }
}

/// Pictures that are read when they are looked at.
struct Pictures {
    let count: Int
    let at: (Int) throws -> RGBImage

    init(_ images: [RGBImage]) {
        count = images.count
        at = { images[$0] }
    }

    init(count: Int, at: @escaping (Int) throws -> RGBImage) {
        self.count = count
        self.at = at
    }
}
