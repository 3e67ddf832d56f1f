import CoreAdapters
import CoreData
import CoreDiffusion
import Foundation
import ImageFiles
package import RunSpec

/// Judges the checkpoints of one job: draws images with each adapter and compares them with the concept's images, with
/// their prompts, and with what the base model draws from the same noise.
///
/// - SeeAlso: the protocol of Yeh et al., arXiv:2309.14859, section 5.
package final class Evaluator {
    private let spec: EvaluationSpec
    private let generator: ImageGenerator
    private let encoders: ImageEncoders
    private let subjects: [EvaluationSubject]
    private let report: (String) -> Void

    /// Loads base, encoders and data, and draws what the base draws unless the cache has it.
    ///
    /// - Parameters:
    ///   - cache: a folder that jobs of one machine share.
    ///   - tokenizer: the tokenizer's folder for a base in one file; nil looks beside the file.
    ///   - shouldStop: asked between batches of images; true throws `EvaluationError` with `stopped`.
    ///   - report: gets a line about each part of the work.
    package init(
        base: String, data: String, spec: EvaluationSpec, training: TrainingSpec?, cache: String,
        tokenizer: String? = nil, shouldStop: @escaping () -> Bool = { false },
        report: @escaping (String) -> Void = { _ in }
    ) throws {
        try Self.check(spec)
        self.spec = spec
        self.report = report
        var pipeline = try DiffusionPipeline.load(path: base, tokenizer: tokenizer)
        if let training {
            try pipeline.schedule.adopt(
                prediction: training.predictionType, zeroTerminal: training.zeroTerminalSNR)
        }
        generator = try ImageGenerator(
            pipeline: pipeline,
            settings: .init(
                sampler: SamplerKind(rawValue: spec.sampler) ?? .ddim, steps: spec.steps, guidance: spec.guidance,
                size: training?.resolution, clipSkip: training?.clipSkip ?? 1,
                chunks: (training?.maxTokenLength ?? 75) / 75), shouldStop: shouldStop)
        encoders = try ImageEncoders(base: base, pipeline: pipeline)
        let concepts = try ConceptDataSet(path: data)
        let latent = generator.latentSize
        let side = min(latent.height, latent.width) * pipeline.vae.configuration.reduction
        let references = try concepts.concepts.indices.map { [encoders] in
            try ConceptReference(concepts, index: $0, side: side, encoders: encoders)
        }
        let pairs = references.enumerated().flatMap { index, reference in
            spec.prompts.map { type in
                let captions = concepts.images(of: index).map(\.caption)
                return (
                    reference, PromptPlan(type, concept: reference.concept, captions: captions, images: spec.images)
                )
            }
        }
        let images = try Self.baseImages(
            pairs.map(\.1), base: base, generator: generator, cache: ImageCache(folder: cache), report: report)
        subjects = zip(pairs, images).map { [encoders] pair, images in
            EvaluationSubject(reference: pair.0, plan: pair.1, baseImages: images, encoders: encoders)
        }
    }

    /// - Parameters:
    ///   - adapter: a LyCORIS file, loaded as any other program would load it.
    ///   - checkpoint: its name in the rows.
    package func evaluate(adapter: String, checkpoint: String, epoch: Int, step: Int) throws -> Evaluation {
        let images = try withAdapter(adapter) { try draw(checkpoint) }
        var rows: [EvaluationRow] = []
        for (subject, drawn) in zip(subjects, images) {
            rows += subject.metrics(of: drawn, encoders: encoders).map { metric, value in
                EvaluationRow(
                    checkpoint: checkpoint, epoch: epoch, step: step, class: subject.reference.name,
                    prompts: subject.plan.type.rawValue, metric: metric, value: value.isFinite ? value : nil,
                    n: drawn.count)
            }
        }
        let sheet = sheet(images, title: "\(checkpoint)  epoch \(epoch)")
        return Evaluation(rows: rows + Self.averages(rows), sheet: sheet)
    }

    private func draw(_ checkpoint: String) throws -> [[RGBImage]] {
        try subjects.map { subject in
            report("\(checkpoint): drawing \(subject.plan.prompts.count) images, \(subject.plan.type.rawValue)")
            return try generator.images(subject.plan.prompts.map { .init(prompt: $0.text, seed: $0.seed) })
        }
    }

    private func withAdapter<R>(_ path: String, _ body: () throws -> R) throws -> R {
        let adapters = try AdapterSet.load(
            path, unet: generator.pipeline.unet, textEncoder: generator.pipeline.textEncoder,
            secondTextEncoder: generator.pipeline.textEncoder2)
        adapters.attach()
        adapters.isTraining = false
        defer { adapters.detach() }
        return try body()
    }

    private func sheet(_ images: [[RGBImage]], title: String) -> RGBImage {
        let rows = zip(subjects, images).map { subject, drawn in
            EvaluationSheet.Row(
                label: "\(subject.reference.name), \(subject.plan.type.rawValue)",
                prompt: Self.summary(subject.plan), base: subject.baseImages, adapter: drawn,
                real: subject.reference.images)
        }
        return EvaluationSheet(title: title, rows: rows).drawn()
    }

    /// The prompts of the images that the sheet shows.
    private static func summary(_ plan: PromptPlan) -> String {
        var seen: Set<String> = []
        return plan.prompts.prefix(6).map(\.text).filter { seen.insert($0).inserted }.joined(separator: " / ")
    }

    /// The mean over classes under the empty class name; `n` counts all images behind it.
    private static func averages(_ rows: [EvaluationRow]) -> [EvaluationRow] {
        let groups = Dictionary(grouping: rows) { $0.prompts + " " + $0.metric }
        return groups.sorted { $0.key < $1.key }.compactMap { _, group in
            guard var average = group.first else { return nil }
            let values = group.compactMap(\.value)
            average.class = ""
            average.value = values.count == group.count ? values.reduce(0, +) / Double(values.count) : nil
            average.n = group.reduce(0) { $0 + $1.n }
            return average
        }
    }

    private static func baseImages(
        _ plans: [PromptPlan], base: String, generator: ImageGenerator, cache: ImageCache,
        report: (String) -> Void
    ) throws -> [[RGBImage]] {
        var model = ContentKey()
        if try DiffusionPipeline.isSingleFile(base) {
            try model.add(file: base)
        } else {
            let parts = ["unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"]
            for part in parts where FileManager.default.fileExists(atPath: "\(base)/\(part)") {
                try model.add(folder: "\(base)/\(part)")
            }
        }
        let requests = plans.map { $0.prompts.map { ImageGenerator.Request(prompt: $0.baseText, seed: $0.seed) } }
        let keys = requests.map { requests in
            var key = model
            key.add("\(generator.settings) \(generator.latentSize)")
            for request in requests { key.add("\(request.seed) \(request.prompt)") }
            return "base-" + key.text
        }
        return try cache.sets(keys) { index in
            report("base: drawing \(requests[index].count) images, \(plans[index].type.rawValue)")
            return try generator.images(requests[index])
        }
    }

    private static func check(_ spec: EvaluationSpec) throws {
        guard EvaluationSpec.samplers.contains(spec.sampler) else {
            let known = EvaluationSpec.samplers.joined(separator: ", ")
            throw EvaluationError(code: .plan, message: "sampler \(spec.sampler), wanted one of \(known)")
        }
        guard spec.images > 0, !spec.prompts.isEmpty else {
            throw EvaluationError(
                code: .plan, message: "\(spec.images) images of \(spec.prompts.count) prompt types: nothing to measure")
        }
    }
}
