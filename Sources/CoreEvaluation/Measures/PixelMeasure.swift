import CoreData
import CoreDiffusion
import CoreTensor
import ImageFiles
import RunSpec

/// Metrics of pixels, and of pairs of pictures: an image and the one whose caption it was drawn from.
struct PixelMeasure: SubjectMeasure {
    private let subjects: [EvaluationSubject]
    private let selection: MetricSelection
    private let base: [[MeasuredMetric]]

    init(_ subjects: [EvaluationSubject], selection: MetricSelection) {
        self.subjects = subjects
        self.selection = selection
        base = subjects.map { Self.measured($0.baseImages, $0, selection).map(\.ofBase) }
    }

    func metrics(_ drawn: [[RGBImage]]) -> [[MeasuredMetric]] {
        drawn.indices.map { Self.measured(drawn[$0], subjects[$0], selection) + base[$0] }
    }

    private static func measured(
        _ images: [RGBImage], _ subject: EvaluationSubject, _ selection: MetricSelection
    ) -> [MeasuredMetric] {
        var metrics: [MeasuredMetric] = []
        let pairs = subject.pairs(images)
        if let pairs, selection.wants("psnr") {
            metrics.append(MeasuredMetric("psnr", values: pairs.map(PixelMetrics.signalToNoise)))
        }
        for (name, window) in [("ssim", PixelMetrics.Window.gaussian), ("ssim_uniform", .uniform)]
        where selection.wants(name) {
            let values = pairs?.map { PixelMetrics.structuralSimilarity($0, $1, window) }
            guard let values, values.allSatisfy({ $0 != nil }) else { continue }
            metrics.append(MeasuredMetric(name, values: values.compactMap { $0 }))
        }
        if selection.wants("saturation") {
            metrics.append(MeasuredMetric("saturation", values: images.map(PixelMetrics.saturation)))
        }
        return metrics
    }
}

extension EvaluationSubject {
    /// Each image and its own picture; nil for prompts that are no captions, and for images of another size.
    fileprivate func pairs(_ images: [RGBImage]) -> [(RGBImage, RGBImage)]? {
        let own = ownPictures
        guard own.count == images.count, !own.isEmpty else { return nil }
        let pairs = Array(zip(images, own))
        return pairs.allSatisfy { $0.width == $1.width && $0.height == $1.height } ? pairs : nil
    }
}

/// LPIPS between images and their own pictures.
final class PerceptualMeasure: SubjectMeasure {
    private let path: String
    private let name: String
    private let subjects: [EvaluationSubject]
    private var base: [[MeasuredMetric]] = []

    init(path: String, name: String, subjects: [EvaluationSubject], selection: MetricSelection) throws {
        self.path = path
        self.name = name
        self.subjects = selection.wants("lpips", role: .lpips, encoder: name) ? subjects : []
        base = try measured(subjects.map(\.baseImages)).map { $0.map(\.ofBase) }
    }

    func metrics(_ drawn: [[RGBImage]]) throws -> [[MeasuredMetric]] {
        let own = try measured(drawn)
        return drawn.indices.map { index in
            index < own.count ? (own[index] + base[index]).map { $0.renamed("\($0.name)@\(name)") } : []
        }
    }

    private func measured(_ images: [[RGBImage]]) throws -> [[MeasuredMetric]] {
        guard !subjects.isEmpty else { return [] }
        let model = try PerceptualDistance(path: path)
        defer { Compute.releaseIdleBuffers() }
        return zip(subjects, images).map { subject, images in
            guard let pairs = subject.pairs(images),
                pairs.allSatisfy({ min($0.0.width, $0.0.height) >= model.smallestSide })
            else { return [] }
            return [MeasuredMetric("lpips", values: pairs.map { model($0.tensor(), $1.tensor()) })]
        }
    }
}
