import CoreData
import CoreDiffusion
import CoreTensor
import ImageFiles
import RunSpec

/// The style that one network sees in a subject, whatever the adapter.
struct SubjectStyle {
    /// Only of `style` prompts: they are the same for base and adapter, so a distance says what was lost.
    private let base: [StyleGrams]
    private let pictures: StyleSet?

    /// - Parameters:
    ///   - pictures: the concept's, that were trained on.
    ///   - style: of one image.
    /// - Throws: what `style` and reading pictures throws.
    init(
        _ subject: EvaluationSubject, wants: (String) -> Bool, pictures: Pictures,
        style: (RGBImage) throws -> StyleGrams
    ) throws {
        let type = subject.plan.type
        let isCompared = type == .style && wants("style_distance")
        base = isCompared ? try subject.baseImages.map(style) : []
        let isStyle = subject.reference.concept.kind == .style
        let metric = EvaluationMetric.named("picture_style_distance")
        guard isStyle, metric?.prompts.contains(type) == true, wants("picture_style_distance") else {
            self.pictures = nil
            return
        }
        var set = StyleSet()
        for index in 0..<pictures.count { set.add(try style(pictures.at(index))) }
        self.pictures = set
    }

    func metrics(of images: [RGBImage], style: (RGBImage) throws -> StyleGrams) rethrows -> [MeasuredMetric] {
        guard !base.isEmpty || pictures != nil else { return [] }
        let styles = try images.map(style)
        var metrics: [MeasuredMetric] = []
        if !base.isEmpty {
            let distances = zip(styles, base).map { $0.squaredDistance(to: $1) }
            metrics.append(MeasuredMetric("style_distance", values: distances))
        }
        if let pictures {
            let distances = styles.map(pictures.meanSquaredDistance)
            metrics.append(MeasuredMetric("picture_style_distance", values: distances))
        }
        return metrics
    }
}

/// Style as VGG-19 sees it.
final class VGGStyleMeasure: SubjectMeasure {
    private let path: String
    private let name: String
    private var loaded: VGG19Style?
    private var styles: [SubjectStyle] = []

    /// Of pictures the reference resizes the shorter side alone.
    private static let preprocessing = ImagePreprocessing(side: 224)

    init(path: String, name: String, subjects: [EvaluationSubject], selection: MetricSelection) throws {
        self.path = path
        self.name = name
        styles = try subjects.map { subject in
            try SubjectStyle(
                subject, wants: { selection.wants($0, role: .vgg19, encoder: name) },
                pictures: subject.reference.wholePictures, style: style)
        }
        release()
    }

    func metrics(_ drawn: [[RGBImage]]) throws -> [[MeasuredMetric]] {
        defer { release() }
        return try zip(styles, drawn).map { style, images in
            try style.metrics(of: images, style: self.style).map { $0.renamed("\($0.name)@\(name)") }
        }
    }

    private func style(_ image: RGBImage) throws -> StyleGrams {
        let model = try loaded ?? VGG19Style(path: path)
        loaded = model
        return Self.grams(image, model)
    }

    /// Gram matrices of a picture whose shorter side is resized to 224 pixels.
    static func grams(_ image: RGBImage, _ model: VGG19Style) -> StyleGrams {
        let resized = image.shortSideResized(to: preprocessing.side)
        var grams = StyleGrams()
        withoutGradients {
            model(Tensor(preprocessing.normalized(resized), [1, resized.height, resized.width, 3])) { grams.add($0) }
        }
        return grams
    }

    private func release() {
        loaded = nil
        Compute.releaseIdleBuffers()
    }
}
