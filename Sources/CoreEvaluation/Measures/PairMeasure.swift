import CoreData
import CoreDiffusion
import CoreTensor
import ImageFiles
import RunSpec

/// Edits beside the pictures that they should make, inside and outside of the changed region. Beside each
/// measure stand three references: the unedited source, the target after the autoencoder's round trip, and
/// what the base makes of the same instruction, source and noise.
final class PairMeasure: SubjectMeasure {
    /// nil where it cannot be measured.
    private typealias Score = (_ image: RGBImage, EvaluationSubject.Edit, EditRegion, EditRegion.Side) -> Double?

    private struct Kind {
        let name: String
        let lowerIsBetter: Bool
        let score: Score
    }

    /// Of each subject that is an edit.
    private struct Edited {
        let edits: [EvaluationSubject.Edit]
        let regions: [EditRegion]
        let baseImages: [RGBImage]
    }

    private let subjects: [Edited?]
    private let selection: MetricSelection
    /// Behind the names; empty for pixels.
    private let encoder: String
    private let lpips: String?
    /// Of each subject, whatever the adapter.
    private var references: [[MeasuredMetric]]?

    /// By pixels alone.
    init(_ subjects: [EvaluationSubject], selection: MetricSelection) {
        self.subjects = Self.edited(subjects)
        self.selection = selection
        (lpips, encoder) = (nil, "")
    }

    /// By LPIPS.
    init(lpips path: String, name: String, _ subjects: [EvaluationSubject], selection: MetricSelection) {
        self.subjects = Self.edited(subjects)
        self.selection = selection
        (lpips, encoder) = (path, name)
    }

    private static func edited(_ subjects: [EvaluationSubject]) -> [Edited?] {
        subjects.map { subject in
            guard let edits = subject.edits,
                subject.baseImages.allSatisfy({
                    $0.width == edits[0].target.width && $0.height == edits[0].target.height
                })
            else { return nil }
            return Edited(
                edits: edits, regions: edits.map { EditRegion(source: $0.source, target: $0.target) },
                baseImages: subject.baseImages)
        }
    }

    func metrics(_ drawn: [[RGBImage]]) throws -> [[MeasuredMetric]] {
        let names = lpips == nil ? ["psnr", "ssim"] : ["lpips"]
        let wanted = names.flatMap { name in ["inside", "outside", "gain"].map { "edit_\(name)_\($0)" } }
        guard subjects.contains(where: { $0 != nil }), (wanted + ["edit_failure"]).contains(where: wants) else {
            return drawn.map { _ in [] }
        }
        let kinds = try kinds()
        defer { if lpips != nil { Compute.releaseIdleBuffers() } }
        let references = self.references ?? subjects.map { subject in subject.map { Self.references($0, kinds) } ?? [] }
        self.references = references
        return zip(subjects, drawn).enumerated().map { index, pair in
            guard let subject = pair.0 else { return [] }
            let own = kinds.flatMap { Self.own(pair.1, subject, $0) } + references[index]
            return own.filter { wants($0.name) }.map { encoder.isEmpty ? $0 : $0.renamed("\($0.name)@\(encoder)") }
        }
    }

    private func wants(_ name: String) -> Bool {
        lpips == nil ? selection.wants(name) : selection.wants(name, role: .lpips, encoder: encoder)
    }

    private func kinds() throws -> [Kind] {
        guard let lpips else {
            return [
                Kind(name: "psnr", lowerIsBetter: false) { $2.signalToNoise($0, $1.target, $3) },
                Kind(name: "ssim", lowerIsBetter: false) { $2.structuralSimilarity($0, $1.target, $3) },
            ]
        }
        let model = try PerceptualDistance(path: lpips)
        return [
            Kind(name: "lpips", lowerIsBetter: true) { image, edit, region, side in
                let target = edit.target
                guard region.count(side) > 0, min(target.width, target.height) >= model.smallestSide else { return nil }
                return model(region.composed(image, on: side, elsewhere: target).tensor(), target.tensor())
            }
        ]
    }

    /// What the adapter's images reach, beside what their sources do.
    private static func own(_ images: [RGBImage], _ subject: Edited, _ kind: Kind) -> [MeasuredMetric] {
        let (inside, outside) = (values(images, subject, kind, .inside), values(images, subject, kind, .outside))
        let source = values(subject.edits.map(\.source), subject, kind, .inside)
        let gain = zip(inside, source).map { own, source in kind.lowerIsBetter ? source - own : own - source }
        var metrics = [
            metric("edit_\(kind.name)_inside", inside), metric("edit_\(kind.name)_outside", outside),
            metric("edit_\(kind.name)_gain", gain),
        ]
        if kind.name == "psnr" {
            metrics.append(metric("edit_failure", gain.map { $0.isFinite ? ($0 > 0 ? 0 : 1) : .nan }))
        }
        return metrics.compactMap { $0 }
    }

    private static func references(_ subject: Edited, _ kinds: [Kind]) -> [MeasuredMetric] {
        let rows: [(prefix: String, images: [RGBImage])] = [
            ("source", subject.edits.map(\.source)), ("bound", subject.edits.map(\.roundTrip)),
            ("base", subject.baseImages),
        ]
        return kinds.flatMap { kind in
            rows.flatMap { prefix, images in
                EditRegion.Side.allCases.compactMap { side in
                    // They are in no comparison, so nobody needs their single values.
                    metric("\(prefix)_edit_\(kind.name)_\(side.rawValue)", values(images, subject, kind, side))
                        .map { MeasuredMetric($0.name, $0.value, count: $0.count) }
                }
            }
        }
    }

    /// One an image; NaN where there is nothing to measure.
    private static func values(
        _ images: [RGBImage], _ subject: Edited, _ kind: Kind, _ side: EditRegion.Side
    ) -> [Double] {
        images.indices.map { kind.score(images[$0], subject.edits[$0], subject.regions[$0], side) ?? .nan }
    }

    /// The mean of what could be measured; nil where nothing could.
    private static func metric(_ name: String, _ values: [Double]) -> MeasuredMetric? {
        let known = values.filter(\.isFinite)
        guard !known.isEmpty else { return nil }
        return MeasuredMetric(name, known.reduce(0, +) / Double(known.count), count: known.count, values: values)
    }
}
