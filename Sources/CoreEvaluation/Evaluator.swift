import CoreAdapters
import CoreData
package import CoreDiffusion
import CoreTensor
import Foundation
import ImageFiles
package import RunSpec

/// Evaluates the checkpoints of one job: draws images with each adapter and compares them with the concept's
/// images, with their prompts, and with what the base model draws from the same noise.
///
/// - SeeAlso: the protocol of Yeh et al., arXiv:2309.14859, section 5.
package final class Evaluator {
    /// What is evaluated and how.
    package struct Setting {
        package var base: String
        package var data: String
        package var spec: EvaluationSpec
        /// nil evaluates as if nothing but the base's own had been trained.
        package var training: TrainingSpec?
        /// A folder that jobs of one machine share.
        package var cache: String
        /// Encoders named by the job, besides the base's own.
        package var encoders: [EncoderRole: String] = [:]
        /// The tokenizer's folder for a base in one file; nil looks beside the file.
        package var tokenizer: String?
        /// Networks of the base that are in memory already, without adapters; nothing else of the base then
        /// stays in memory between evaluations.
        package var loaded: LoadedNetworks?
        /// Decides, without `training`, which pictures count as held out.
        package var seed = 0

        package init(base: String, data: String, spec: EvaluationSpec, training: TrainingSpec?, cache: String) {
            self.base = base
            self.data = data
            self.spec = spec
            self.training = training
            self.cache = cache
        }
    }

    /// What it is at, for who counts the seconds.
    package enum Part: Sendable { case loading, drawing, judging }

    private let setting: Setting
    private let subjects: [EvaluationSubject]
    /// Style as the base's own autoencoder sees it.
    private let styles: [SubjectStyle]
    private let measures: [any SubjectMeasure]
    private var loaded: ImageGenerator?
    private let shouldStop: () -> Bool
    private let report: (String) -> Void
    private let onDrawn: (_ done: Int, _ total: Int) -> Void
    private let onPart: (Part) -> Void

    /// Loads base, encoders and data, and draws what the base draws unless the cache has it.
    ///
    /// - Parameters:
    ///   - shouldStop: asked between batches of images; true throws `EvaluationError` with `stopped`.
    ///   - report: gets a line about each part of the work.
    ///   - onDrawn: gets the number of a checkpoint's images drawn so far, after every batch.
    ///   - onPart: told when a part of the work begins.
    package init(
        _ setting: Setting, shouldStop: @escaping () -> Bool = { false },
        report: @escaping (String) -> Void = { _ in },
        onDrawn: @escaping (_ done: Int, _ total: Int) -> Void = { _, _ in },
        onPart: @escaping (Part) -> Void = { _ in }
    ) throws {
        try Self.check(setting.spec)
        self.setting = setting
        self.shouldStop = shouldStop
        self.report = report
        self.onDrawn = onDrawn
        self.onPart = onPart
        onPart(.loading)
        let generator = try Self.generator(setting, shouldStop)
        let panel = try EncoderPanel(
            base: setting.base, named: setting.encoders, tokenizer: generator.pipeline.tokenizer)
        let subjects = try Self.subjects(setting, generator, report, onPart)
        self.subjects = subjects
        onPart(.judging)
        let (selection, vae) = (setting.spec.selection, generator.pipeline.vae)
        styles = try subjects.map { subject in
            try SubjectStyle(
                subject, wants: { selection.wants($0) }, pictures: Pictures(subject.reference.images), style: vae.style)
        }
        // The autoencoder's work is done: the encoders may take its memory.
        measures = try Self.measures(panel, subjects, setting)
        if setting.loaded == nil { loaded = generator }
    }

    /// What the images are measured by, in the order of the rows.
    private static func measures(
        _ panel: EncoderPanel, _ subjects: [EvaluationSubject], _ setting: Setting
    ) throws -> [any SubjectMeasure] {
        guard !subjects.isEmpty else { return [] }
        let selection = setting.spec.selection
        let cache = FeatureCache(folder: setting.cache + "/features")
        var measures: [any SubjectMeasure] = []
        for encoder in try panel.seeing(fit: setting.spec.fit ?? .crop, cache: cache)
        where encoder.isNeeded(selection) {
            measures.append(try FeatureMeasure(encoder, subjects: subjects, selection: selection))
        }
        measures.append(PixelMeasure(subjects, selection: selection))
        measures.append(PairMeasure(subjects, selection: selection))
        if let vgg = panel.member(.vgg19) {
            measures.append(
                try VGGStyleMeasure(
                    path: vgg.path, name: vgg.identified().name, subjects: subjects, selection: selection))
        }
        if let lpips = panel.member(.lpips) {
            measures.append(
                try PerceptualMeasure(
                    path: lpips.path, name: lpips.identified().name, subjects: subjects, selection: selection))
            measures.append(
                PairMeasure(lpips: lpips.path, name: try lpips.identified().name, subjects, selection: selection))
        }
        for (role, metric, isScaled) in [(EncoderRole.pickscore, "pick_score", true), (.hpsv2, "hps_score", false)] {
            guard let judge = try panel.judge(role) else { continue }
            measures.append(
                try JudgeMeasure(
                    judge.encoders, metric: metric, isScaled: isScaled, name: judge.name, role: role,
                    subjects: subjects, selection: selection))
        }
        if let head = panel.member(.aesthetic), let clip = try panel.judge(.clip) {
            measures.append(
                try AestheticMeasure(
                    clip.encoders, head: try AestheticHead(path: head.path), name: head.identified().name,
                    subjects: subjects,
                    selection: selection))
        }
        return measures
    }

    private static func generator(_ setting: Setting, _ shouldStop: @escaping () -> Bool) throws -> ImageGenerator {
        let (spec, training) = (setting.spec, setting.training)
        var pipeline = try DiffusionPipeline.load(
            path: setting.base, tokenizer: setting.tokenizer, sharing: setting.loaded)
        if let training {
            try pipeline.schedule.adopt(
                prediction: training.loss.predictionType, zeroTerminal: training.loss.zeroTerminalSNR)
        }
        let generator = try ImageGenerator(
            pipeline: pipeline,
            settings: .init(
                sampler: SamplerKind(rawValue: spec.sampler) ?? .ddim, steps: spec.steps, guidance: spec.guidance,
                size: training?.data.resolution, clipSkip: training?.data.clipSkip ?? 1,
                chunks: (training?.data.maxTokenLength ?? 75) / 75), shouldStop: shouldStop)
        generator.imageGuidance = spec.imageGuidance ?? EvaluationSpec.usualImageGuidance
        return generator
    }

    private static func subjects(
        _ setting: Setting, _ generator: ImageGenerator, _ report: (String) -> Void, _ onPart: (Part) -> Void
    ) throws -> [EvaluationSubject] {
        onPart(.judging)
        let (spec, vae) = (setting.spec, generator.pipeline.vae)
        let seed = setting.training?.seed ?? setting.seed
        let split = spec.holdout.map { HeldOutSplit(share: $0, seed: seed) }
        let concepts = try ConceptDataSet(path: setting.data).holdingOut(split)
        if concepts.isPaired { (generator.pipeline.unet as? UNet2DConditionModel)?.readSource() }
        let latent = generator.latentSize
        let reduction = vae.configuration.reduction
        let size = PixelSize(width: latent.width * reduction, height: latent.height * reduction)
        let outline = EvaluationOutline(
            concepts.concepts.indices.map { index in
                (
                    concepts.concepts[index], concepts.images(of: index).map(\.caption),
                    concepts.heldOut(of: index).map(\.caption)
                )
            }, spec: spec)
        let cache = try ImageCache(folder: setting.cache)
        var key = ContentKey()
        try key.add(autoencoder: setting.base)
        let references = try outline.parts.map {
            try ConceptReference(concepts, part: $0, size: size) { try vae.roundTrips($0, key, cache) }
        }
        let pairs = outline.entries.map { (references[$0.part], $0.plan) }
        onPart(.drawing)
        let images = try baseImages(
            pairs.map { ($1, $0) }, base: setting.base, generator: generator, cache: cache, report: report)
        return zip(pairs, images).map { pair, images in
            EvaluationSubject(reference: pair.0, plan: pair.1, baseImages: images)
        }
    }

    /// - Parameters:
    ///   - adapter: a LyCORIS file, loaded as any other program would load it.
    ///   - checkpoint: its name in the rows.
    /// - Throws: `AdapterError` or `TensorError` for an adapter that cannot be used; `EvaluationError` with
    ///   `stopped` when asked to stop.
    package func evaluate(adapter: String, checkpoint: String, epoch: Int, step: Int) throws -> Evaluation {
        var (images, found) = try drawn(adapter, checkpoint)
        for measure in measures {
            for (index, metrics) in try measure.metrics(images).enumerated() { found[index] += metrics }
        }
        let rows = zip(subjects, found).flatMap { subject, metrics in
            metrics.map { metric in
                EvaluationRow(
                    checkpoint: checkpoint, epoch: epoch, step: step, class: subject.reference.name,
                    prompts: subject.plan.type.rawValue, metric: metric.name,
                    value: metric.value.isFinite ? metric.value : nil, n: metric.count, values: metric.kept)
            }
        }
        let sheet = sheet(images, title: "\(checkpoint)  epoch \(epoch)")
        let drawings = zip(subjects, images).map { $0.drawing($1) }
        var all = rows + Self.averages(rows, hasSubclasses: setting.spec.promptSet == .lycoris)
        if setting.spec.selection.wants("adapter_norm") {
            let norm = norm(of: adapter)
            all.append(
                EvaluationRow(
                    checkpoint: checkpoint, epoch: epoch, step: step, class: "", prompts: "", metric: "adapter_norm",
                    value: norm, n: 1))
        }
        return Evaluation(rows: all, sheet: sheet, drawings: drawings)
    }

    /// nil where the file's layers cannot be told from the base's: what draws images need not fail for it.
    private func norm(of adapter: String) -> Double? {
        do {
            let norm = try AdapterNorm.relative(path: adapter, base: setting.base)
            return norm.isFinite ? norm : nil
        } catch {
            report("warning: no adapter_norm: \(error)")
            return nil
        }
    }

    /// The adapter's images of every subject, and how far their style has moved.
    private func drawn(_ adapter: String, _ checkpoint: String) throws -> (
        images: [[RGBImage]], styles: [[MeasuredMetric]]
    ) {
        guard !subjects.isEmpty else { return ([], []) }
        onPart(.loading)
        let generator = try loaded ?? Self.generator(setting, shouldStop)
        defer { Compute.releaseIdleBuffers() }
        let warn: (String) -> Void = { self.report("warning: \($0)") }
        let images = try Self.withAdapter(adapter, on: generator.pipeline, warn: warn) {
            onPart(.drawing)
            return try draw(by: generator, checkpoint)
        }
        onPart(.judging)
        return (images, zip(styles, images).map { $0.metrics(of: $1, style: generator.pipeline.vae.style) })
    }

    /// The images of every subject, with what is attached. All are drawn in the same full batches: an image
    /// does not depend on what is drawn beside it.
    private func draw(by generator: ImageGenerator, _ checkpoint: String) throws -> [[RGBImage]] {
        let requests = subjects.map { subject in
            subject.plan.prompts.map { prompt in
                ImageGenerator.Request(
                    prompt: prompt.text, seed: prompt.seed,
                    source: subject.reference.source(of: prompt, subject.plan.type))
            }
        }
        let all = requests.flatMap(\.self)
        report("\(checkpoint): drawing \(all.count) images")
        var images = [RGBImage?](repeating: nil, count: all.count)
        var done = 0
        // Edits are not drawn together with other images.
        for isEdit in [false, true] {
            let places = all.indices.filter { (all[$0].source != nil) == isEdit }
            let drawn = try generator.images(places.map { all[$0] }) { onDrawn(done + $0, all.count) }
            for (place, image) in zip(places, drawn) { images[place] = image }
            done += drawn.count
        }
        var rest = images.compactMap(\.self)[...]
        return requests.map { part in
            defer { rest = rest.dropFirst(part.count) }
            return Array(rest.prefix(part.count))
        }
    }

    private static func withAdapter<R>(
        _ path: String, on pipeline: DiffusionPipeline, warn: (String) -> Void, _ body: () throws -> R
    ) throws -> R {
        let adapters = try AdapterSet.load(
            path, unet: pipeline.unet, textEncoder: pipeline.textEncoder, secondTextEncoder: pipeline.textEncoder2)
        adapters.warnings.forEach(warn)
        adapters.attach()
        adapters.isTraining = false
        defer { adapters.detach() }
        return try body()
    }

    private func sheet(_ images: [[RGBImage]], title: String) -> RGBImage {
        let rows = zip(subjects, images).map { subject, drawn in
            // Each edit beside what it begins with, and at the end what they should have become.
            let edits = subject.edits
            return EvaluationSheet.Row(
                label: "\(subject.reference.name), \(subject.plan.type.rawValue)"
                    + (edits == nil ? "" : ", each source and its edit"),
                prompt: Self.summary(subject.plan), base: subject.baseImages,
                adapter: edits.map { zip($0, drawn).flatMap { [$0.source, $1] } } ?? drawn,
                real: edits?.map(\.target) ?? subject.pictures)
        }
        return EvaluationSheet(title: title, rows: rows).drawn()
    }

    /// The prompts of the images that the sheet shows.
    private static func summary(_ plan: PromptPlan) -> String {
        var seen: Set<String> = []
        return plan.prompts.prefix(6).map(\.text).filter { seen.insert($0).inserted }.joined(separator: " / ")
    }

    /// The mean over classes under the empty class name; of a class with sub-classes their mean counts. `n`
    /// counts all images behind it; of Vendi, which is no mean over images, the fewest that are behind a
    /// value.
    package static func averages(_ rows: [EvaluationRow], hasSubclasses: Bool = false) -> [EvaluationRow] {
        func averaged(_ group: [EvaluationRow], _ name: String) -> EvaluationRow? {
            guard var average = group.first else { return nil }
            let values = group.compactMap(\.value)
            average.class = name
            average.value = values.count == group.count ? values.reduce(0, +) / Double(values.count) : nil
            let counts = group.map(\.n)
            let isVendi = average.metric.prefix { $0 != "@" }.contains("vendi")
            average.n = isVendi ? counts.min() ?? 0 : counts.reduce(0, +)
            (average.values, average.notes) = (nil, nil)
            return average
        }
        let groups = Dictionary(grouping: rows) { $0.prompts + " " + $0.metric }
        return groups.sorted { $0.key < $1.key }.flatMap { _, group in
            let classes = Dictionary(grouping: group) { row in
                hasSubclasses ? String(row.class.prefix { $0 != "/" }) : row.class
            }
            let means = classes.sorted { $0.key < $1.key }.map { name, rows in
                // A class by itself has its row already.
                rows.count == 1 && rows[0].class == name
                    ? (row: rows.first, isNew: false) : (row: averaged(rows, name), isNew: true)
            }
            let new = means.filter(\.isNew).compactMap(\.row)
            return new + [averaged(means.compactMap(\.row), "")].compactMap { $0 }
        }
    }

    private static func baseImages(
        _ plans: [(plan: PromptPlan, reference: ConceptReference)], base: String, generator: ImageGenerator,
        cache: ImageCache, report: (String) -> Void
    ) throws -> [[RGBImage]] {
        var model = ContentKey()
        try model.add(base: base)
        let requests = plans.map { plan, reference in
            plan.prompts.map { prompt in
                ImageGenerator.Request(
                    prompt: prompt.baseText, seed: prompt.seed, source: reference.source(of: prompt, plan.type))
            }
        }
        let keys = requests.map { requests in
            var key = model
            key.add("\(generator.settings) \(generator.latentSize)")
            for request in requests {
                key.add("\(request.seed) \(request.prompt)")
                guard let source = request.source else { continue }
                key.add("\(generator.imageGuidance)")
                key.add(source)
            }
            return "base-" + key.text
        }
        return try cache.sets(keys) { index in
            report("base: drawing \(requests[index].count) images, \(plans[index].plan.type.rawValue)")
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
