import CoreData
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import ImageFiles
import RunSpec

/// One run of `Pretrain`: what its stages share.
final class PretrainSession {
    let options: Pretrain
    let settings: PretrainSettings
    private let seconds: () -> Double
    let progress: (String) -> Void
    private let catalogue: EmojiCatalogue
    private let concepts: ConceptDataSet
    let start: PretrainStart?
    /// With everything but the held-out families: what autoencoder and encoders see.
    let corpus: PretrainCorpus
    let tokenizer: CLIPTokenizer

    init(_ options: Pretrain, seconds: @escaping () -> Double, progress: @escaping (String) -> Void) throws {
        self.options = options
        settings = options.settings
        self.seconds = seconds
        self.progress = progress
        catalogue = EmojiCatalogue(
            font: try EmojiFont(path: options.font), names: try UnicodeNames(path: options.names))
        concepts = try ConceptDataSet(path: options.conceptData)
        corpus = try PretrainCorpus(
            catalogue: catalogue, conceptData: concepts, excluded: [], settings: options.settings)
        progress("corpus: \(corpus.entries.count) emoji, \(corpus.samples.count) pictures")
        let folder = "\(options.out)/tokenizer"
        if let start = options.start {
            self.start = try PretrainStart(start, out: options.out)
        } else {
            self.start = nil
            let vocabulary = BytePairTrainer(captions: corpus.tokenizerCaptions, wholeWords: TriggerTokens.all)
            try vocabulary.write(to: folder, maxLength: options.settings.textPositions)
        }
        tokenizer = try CLIPTokenizer(directory: folder)
        progress("tokenizer: \(tokenizer.vocabulary.count) tokens")
    }

    func trainAutoencoder() throws {
        let vae = AutoencoderKL(configuration: settings.autoencoder)
        if let start { try start.load(vae) } else { PretrainAutoencoder.initialise(vae, seed: settings.seed) }
        progress("vae: \(vae.parameterCount) parameters")
        let loop = loop("vae", [("vae", vae)], settings.vae, averageDecay: 0.99)
        try loop.run(saveEvery: options.saveEvery) { step in
            PretrainAutoencoder.loss(vae, corpus: corpus, settings: settings, step: step)
        } saved: { step in
            try drawReconstructions(vae, step: step)
        }
        // After the cast to the shipped type, since that is what everybody runs.
        let folder = "\(options.out)/vae"
        try save(vae, configuration: vae.configuration.json, to: folder, weights: Self.diffusersWeights)
        let cast = try DiffusionPipeline.loadAutoencoder(folder)
        let statistics = PretrainAutoencoder.statistics(cast, corpus.plain.map { corpus.samples[$0].image })
        vae.configuration.scalingFactor = 1 / statistics.deviation
        if abs(statistics.mean) / statistics.deviation > 0.1 {
            // In the convolutions rather than in the configuration, where other programs do not look for it.
            vae.configuration.shiftFactor = statistics.mean
            vae.foldShift()
        }
        try save(vae, configuration: vae.configuration.json, to: folder, weights: Self.diffusersWeights)
        progress(
            "vae: latents' mean \(statistics.mean), deviation \(statistics.deviation), scale "
                + "\(vae.configuration.scalingFactor)")
    }

    func trainEncoders() throws {
        let clip = CLIPModel(configuration: settings.clip(tokenizer))
        if let start { try start.load(clip) } else { clip.initialize(seed: settings.seed, path: "clip") }
        progress("clip: \(clip.parameterCount) parameters")
        let encoders = PretrainEncoders(clip: clip, tokenizer: tokenizer, corpus: corpus, settings: settings)
        let loop = loop("clip", [("clip", clip)], settings.encoders, averageDecay: 0.99)
        try loop.run(saveEvery: options.saveEvery) {
            encoders.loss(step: $0)
        } saved: { _ in
            try clip.save(to: "\(options.out)/clip", type: .f16)
        }
        try clip.save(to: "\(options.out)/clip", type: .f16)
        try findTwins()
    }

    func trainDenoiser() throws {
        let vae = try DiffusionPipeline.loadAutoencoder(try finished("vae"))
        let allowed = try allowedCorpus()
        let unet = UNet2DConditionModel(configuration: settings.unet)
        let text = CLIPTextModel(configuration: settings.text(tokenizer))
        if let start {
            try start.load(unet, text)
        } else {
            unet.initialize(seed: settings.seed, path: "unet")
            text.initialize(seed: settings.seed, path: "text_encoder")
        }
        progress("unet: \(unet.parameterCount) parameters, text encoder: \(text.parameterCount)")
        let pipeline = DiffusionPipeline(
            unet: unet, vae: vae, textEncoder: text, tokenizer: tokenizer, schedule: settings.schedule)
        let denoiser = PretrainDenoiser(
            unet: unet, textEncoder: text, tokenizer: tokenizer, schedule: pipeline.schedule,
            batches: PretrainBatches(
                corpus: allowed, latents: PretrainLatents(vae, corpus: allowed), settings: settings))
        let loop = loop(
            "unet", [("unet", unet), ("text", text)], settings.denoiser, averageDecay: settings.averageDecay)
        try loop.run(saveEvery: options.saveEvery) {
            denoiser.loss(step: $0, count: settings.denoiser.batch)
        } saved: { step in
            try show(pipeline, trained: allowed, step: step)
        }
        try publish(pipeline, trained: allowed, thresholds: [])
    }

    /// The pictures that the generator may see.
    func allowedCorpus() throws -> PretrainCorpus {
        try PretrainCorpus(
            catalogue: catalogue, conceptData: concepts, excluded: try excludedTwins(), settings: settings)
    }

    /// The base as it is after so many steps, and what it draws.
    func show(_ pipeline: DiffusionPipeline, trained: PretrainCorpus, step: Int) throws {
        try publish(pipeline, trained: trained, thresholds: [])
        let sheet = PretrainSampling.sheet(title: "step \(step)", pipeline: pipeline, settings: settings)
        try PNGFile.write(sheet, to: "\(options.work)/samples-\(Self.padded(step)).png")
    }

    func check() throws -> [PretrainThresholds.Threshold] {
        let pipeline = try DiffusionPipeline(directory: options.out)
        let clip = try DiffusionPipeline.loadCLIP(try finished("clip"))
        let allowed = try allowedCorpus()
        let encoders = PretrainEncoders(clip: clip, tokenizer: tokenizer, corpus: corpus, settings: settings)
        let thresholds = try PretrainThresholds(
            pipeline: pipeline, encoders: encoders, corpus: corpus, trained: allowed, settings: settings
        ).run(progress: progress)
        let sheet = PretrainSampling.sheet(title: "radiata pretrain: samples", pipeline: pipeline, settings: settings)
        try PNGFile.write(sheet, to: "\(options.out)/samples.png")
        let names = PretrainNames(corpus: allowed, pipeline: pipeline, settings: settings)
        try PNGFile.write(names.sheet(), to: "\(options.out)/names.png")
        let scores = names.scores(encoders)
        try writeRecipe(trained: allowed, thresholds: thresholds, names: scores)
        for score in scores { progress(score.text) }
        for threshold in thresholds {
            progress(
                "\(threshold.passed ? "pass" : "FAIL")  \(threshold.name): \(String(format: "%.3f", threshold.value)) (\(threshold.wanted))"
            )
        }
        return thresholds
    }

    // MARK: - Files

    private static let diffusersWeights = "diffusion_pytorch_model.safetensors"

    func loop(
        _ name: String, _ modules: [(prefix: String, module: any Module)], _ stage: PretrainSettings.Stage,
        averageDecay: Float
    ) -> PretrainLoop {
        PretrainLoop(
            name: name, modules: modules, stage: stage, averageDecay: averageDecay, work: options.work,
            seconds: seconds,
            progress: progress)
    }

    private func save(
        _ module: any Module, configuration: [String: JSONValue], to folder: String, weights: String
    ) throws {
        try ModelFolder.save(module, configuration: configuration, to: folder, weights: weights, type: .f16)
    }

    /// The folder of a part that an earlier stage wrote.
    func finished(_ part: String) throws -> String {
        let folder = "\(options.out)/\(part)"
        guard FileManager.default.fileExists(atPath: "\(folder)/config.json") else {
            throw PretrainError(code: .missingStage, message: "\(folder): not there yet; run the stage \(part) first")
        }
        return folder
    }

    func publish(
        _ pipeline: DiffusionPipeline, trained: PretrainCorpus, thresholds: [PretrainThresholds.Threshold]
    ) throws {
        try pipeline.save(to: options.out, type: .f16)
        try writeRecipe(trained: trained, thresholds: thresholds)
    }

    /// Captions of training pictures that the encoders cannot tell from a held-out one.
    private func findTwins() throws {
        let clip = try DiffusionPipeline.loadCLIP("\(options.out)/clip")
        let encoders = PretrainEncoders(clip: clip, tokenizer: tokenizer, corpus: corpus, settings: settings)
        let held = corpus.concepts.flatMap { encoders.imageVectors($0.samples.map(\.image)) }
        let training = encoders.imageVectors(corpus.plain.map { corpus.samples[$0].image })
        let twins = training.indices.filter { index in
            held.contains { PretrainThresholds.dot(training[index], $0) > settings.heldOutCosine }
        }
        progress("held out by similarity: \(twins.map { corpus.entries[$0].caption }.listed())")
        let codes = twins.map { corpus.entries[$0].code }
        try JSONEncoder().encode(codes).write(to: URL(fileURLWithPath: twinsPath), options: .atomic)
    }

    private var twinsPath: String { "\(options.work)/held-out-by-similarity.json" }

    private func excludedTwins() throws -> Set<UInt32> {
        guard let data = FileManager.default.contents(atPath: twinsPath) else {
            if let start { return start.excludedTwins }
            throw PretrainError(code: .missingStage, message: "\(twinsPath): not there yet; run the stage clip first")
        }
        return Set(try JSONDecoder().decode([String].self, from: data).compactMap { UInt32($0, radix: 16) })
    }

    private func writeRecipe(
        trained: PretrainCorpus, thresholds: [PretrainThresholds.Threshold], names: [PretrainNames.Score]? = nil
    ) throws {
        var stages = start?.recipe.stages ?? [:]
        if settings.flow != nil { stages["unet"] = nil }
        var ran: [String] = []
        for stage in ["vae", "clip", "unet", "flow"] {
            guard let result = try PretrainState(work: options.work, stage: stage).result() else { continue }
            stages[stage] = result
            ran.append(stage)
        }
        let notes = start?.notes(trained: ran, kept: stages.keys.filter { !ran.contains($0) }.sorted()) ?? []
        let recipe = PretrainRecipe(
            settings: settings,
            sampling: PretrainRecipe.Sampling(
                sampler: settings.flow == nil ? settings.sampler : "euler", steps: settings.samplerSteps,
                guidance: settings.guidance),
            source: (options.font as NSString).lastPathComponent, trainingImages: trained.entries.count,
            heldOut: HeldOutFamily.all.map { family in
                PretrainRecipe.HeldOut(
                    name: family.concept.name,
                    codePoints: family.codePoints.map { "U+" + String($0, radix: 16, uppercase: true) },
                    phrases: family.phrases)
            },
            heldOutBySimilarity: try excludedTwins().sorted().map { "U+" + String($0, radix: 16, uppercase: true) },
            stages: stages, thresholds: thresholds, names: names, notes: notes + options.notes)
        try recipe.write(to: "\(options.out)/recipe.json")
    }

    /// Originals above their reconstructions, of pictures seen and of held-out ones.
    private func drawReconstructions(_ vae: AutoencoderKL, step: Int) throws {
        let seen = stride(from: 0, to: corpus.samples.count, by: max(1, corpus.samples.count / 16)).map {
            corpus.samples[$0].image
        }
        let held = corpus.concepts.flatMap { $0.samples.prefix(5).map(\.image) }
        let rows = [("seen", seen), ("held out", held)].flatMap { label, images in
            [
                ContactSheet.Row(label: label, images: images),
                ContactSheet.Row(
                    label: "\(label), through the autoencoder",
                    images: images.map { PretrainAutoencoder.roundTrip(vae, $0) }),
            ]
        }
        let sheet = ContactSheet(title: "autoencoder, step \(step)", rows: rows, cellSize: 64, columns: 18)
        try PNGFile.write(sheet.render(), to: "\(options.work)/vae-\(Self.padded(step)).png")
    }

    private static func padded(_ step: Int) -> String { String(format: "%06d", step) }
}
