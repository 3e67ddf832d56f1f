import CoreData
import CoreDiffusion
import CoreEvaluation
import CoreTensor
import Foundation
import ImageFiles
package import RunSpec

/// `radiata sample`: images of prompts, with any number of adapters at their strengths, from noise or from a
/// picture.
package struct SampleImages {
    /// A pipeline's folder or a single file.
    package var base: String
    /// The tokenizer's folder for a single file; nil looks beside it.
    package var tokenizer: String?
    /// Applied together: W + Σ strength · ΔW.
    package var adapters: [ScheduledAdapter] = []
    /// An image of each for each seed.
    package var prompts: [String]
    package var negative = ""
    /// One image each.
    package var seeds: [Int] = [0]
    /// One of `EvaluationSpec.samplers`.
    package var sampler = EvaluationSpec.standard.sampler
    package var steps = EvaluationSpec.standard.steps
    package var guidance = EvaluationSpec.standard.guidance
    /// In pixels; nil: that of the picture, or what the base was trained on.
    package var size: PixelSize?
    package var clipSkip = 1
    /// 75, 150 or 225: longer prompts are encoded in chunks.
    package var maxTokens = 75
    /// A safetensors file whose `latents` `[N, c, h, w]` replace the seeds' noise; unit normal, whatever the
    /// sampler.
    package var latents: String?
    /// A picture to start from.
    package var image: String?
    /// How much of it is given up, 0…1; `standardStrength` if nil.
    package var strength: Double?
    /// A picture that is white where `image` is drawn anew.
    package var mask: String?
    /// Whether pixels outside the mask are those of `image`, bit for bit; else they went through the
    /// autoencoder.
    package var keepsUnmasked = false
    /// Images drawn together; nil: as many as are faster together.
    package var batch: Int?
    /// SHA-256 of a file from a byte on, in hex, for what is written into the images; nil writes no hashes.
    package var digest: ((_ path: String, _ start: Int) throws -> String)?
    /// A picture to edit, for adapters that were trained on pairs and for bases such as InstructPix2Pix: cut
    /// and resized to the images' size.
    package var source: String?
    /// Guidance by that picture; below 1 there is none at all.
    package var imageGuidance = EvaluationSpec.usualImageGuidance
    /// What operands of the network's products are rounded to.
    package var precision = BenchPrecision.f32
    package var out: String
    package var threads: Int

    /// As diffusers' for image to image; with a mask, all of what it shows is drawn anew.
    package static func standardStrength(hasMask: Bool) -> Double { hasMask ? 1 : 0.8 }

    package init(base: String, prompt: String, out: String, threads: Int) {
        self.base = base
        prompts = [prompt]
        self.out = out
        self.threads = threads
    }

    /// One image to draw.
    struct Item {
        let prompt: String
        let seed: UInt64
        /// In place of the seed's noise.
        var initial: Tensor?
        /// Of the file.
        let name: String
        /// What the file says about where the noise came from.
        let origin: String
    }

    /// - Returns: the paths of the images, prompt by prompt in the order of the seeds.
    package func run(report: (String) -> Void = { _ in }) throws -> [String] {
        Compute.configure(threads: threads)
        let kind = try checkedSampler()
        let pipeline = try DiffusionPipeline.load(path: base, tokenizer: tokenizer, keepsHalves: precision == .bf16)
        let source = try sourceImage(for: pipeline)
        let generator = try ImageGenerator(
            pipeline: pipeline,
            settings: .init(
                sampler: kind, steps: steps, guidance: guidance,
                size: source.map { PixelSize(width: $0.image.width, height: $0.image.height) } ?? size,
                clipSkip: clipSkip, chunks: maxTokens / 75))
        try check(source, generator)
        let acting = try ActingAdapters(adapters, pipeline, report: report)
        generator.imageGuidance = imageGuidance
        generator.precision = precision.tensor
        // Which networks read one is known when their adapters are there.
        let edited = try self.source.map { try pictureToEdit($0, generator) }
        try OutputFolder.make(out)
        let items = try items(generator, source)
        let text = SampleText(
            self, hashes: try WeightHashes(base: base, adapters: adapters.map(\.path), digest: digest),
            strength: source?.strength, pipeline: pipeline)
        var paths: [String] = []
        let together = batch ?? (latents == nil ? generator.batch : 1)
        for start in stride(from: 0, to: items.count, by: together) {
            let part = items[start..<min(start + together, items.count)]
            let initial = part.compactMap(\.initial)
            let drawn = generator.decoded(
                generator.latents(
                    of: part.map { .init(prompt: $0.prompt, negative: negative, seed: $0.seed, source: edited) },
                    initial: initial.isEmpty ? nil : concatenateBatch(initial), source: source,
                    prepare: acting.prepare))
            for (item, image) in zip(part, drawn) {
                let path = "\(out)/\(item.name).png"
                try PNGFile.write(finished(image, source), to: path, text: text.chunks(of: item, image))
                report(path)
                paths.append(path)
            }
        }
        return paths
    }

    private func pictureToEdit(_ path: String, _ generator: ImageGenerator) throws -> RGBImage {
        let (latent, reduction) = (generator.latentSize, generator.pipeline.vae.configuration.reduction)
        let size = PixelSize(width: latent.width * reduction, height: latent.height * reduction)
        let picture = FittedImage(try DataPictures.load(path).image.composited(), covering: size).image
        try generator.check(source: picture)
        return picture
    }

    private func finished(_ image: RGBImage, _ source: SourceImage?) -> RGBImage {
        guard keepsUnmasked, let source, let mask = source.mask else { return image }
        return mask.composed(image, over: source.image)
    }

    private func checkedSampler() throws -> SamplerKind {
        func refuse(_ message: String) -> SampleError { SampleError(code: .arguments, message: message) }
        guard let kind = SamplerKind(rawValue: sampler) else {
            throw refuse("sampler \(sampler): wanted one of \(EvaluationSpec.samplers.joined(separator: ", "))")
        }
        guard [75, 150, 225].contains(maxTokens) else {
            throw refuse("max_token_length \(maxTokens): wanted 75, 150 or 225")
        }
        guard guidance.isFinite else { throw refuse("guidance \(guidance)") }
        guard batch ?? 1 >= 1 else { throw refuse("batch \(batch ?? 0): wanted at least 1") }
        guard image != nil || (strength == nil && mask == nil) else {
            throw refuse("strength and mask are of a picture: name it with --image")
        }
        guard source == nil || (latents == nil && image == nil) else {
            throw refuse("--source is a picture to edit: give --latents and --image without it")
        }
        guard mask != nil || !keepsUnmasked else {
            throw refuse("--keep-unmasked: wanted --mask, which says what to keep")
        }
        if let strength, !(0...1).contains(strength) { throw refuse("strength \(strength): wanted 0 to 1") }
        return kind
    }

    /// The picture and its mask, brought to a size that the base can draw.
    private func sourceImage(for pipeline: DiffusionPipeline) throws -> SourceImage? {
        guard let image else { return nil }
        let picture = try ImageFile.read(image)
        let unit = pipeline.vae.configuration.reduction * pipeline.unet.latentStep
        let own = PixelSize(width: picture.width / unit * unit, height: picture.height / unit * unit)
        guard min(own.width, own.height) > 0 else {
            throw SampleError(
                code: .arguments,
                message: "\(image): \(picture.width)×\(picture.height) pixels, wanted at least \(unit) a side")
        }
        let target = size ?? own
        // Invisible parts of a mask are not drawn anew.
        let shown = try mask.map { path in
            let read = try ImageFile.read(path, background: .black)
            guard read.width == picture.width, read.height == picture.height else {
                throw SampleError(
                    code: .arguments,
                    message: "\(path): \(read.width)×\(read.height) pixels, wanted those of the picture, "
                        + "\(picture.width)×\(picture.height)")
            }
            return PixelMask(FittedImage(read, covering: target).image)
        }
        return SourceImage(
            image: FittedImage(picture, covering: target).image,
            strength: strength ?? Self.standardStrength(hasMask: mask != nil), mask: shown)
    }

    private func check(_ source: SourceImage?, _ generator: ImageGenerator) throws {
        guard let source else { return }
        guard generator.firstStep(strength: source.strength) < steps else {
            throw SampleError(
                code: .arguments,
                message: "strength \(source.strength) of \(steps) steps leaves none to take; give more of either")
        }
    }

    private func items(_ generator: ImageGenerator, _ source: SourceImage?) throws -> [Item] {
        func name(_ prompt: Int, _ rest: String) -> String {
            prompts.count == 1 ? rest : "prompt-\(prompt + 1)-\(rest)"
        }
        if let latents {
            let initial = try initialLatents(latents, generator, isSized: size != nil || source != nil)
            return prompts.enumerated().flatMap { place, prompt in
                (0..<initial.shape[0]).map { index in
                    Item(
                        prompt: prompt, seed: 0, initial: slice(initial, batch: index..<index + 1),
                        name: name(place, "latents-\(index)"), origin: "latents \(index)")
                }
            }
        }
        return try prompts.enumerated().flatMap { place, prompt in
            try seeds.map { seed in
                guard let number = UInt64(exactly: seed) else {
                    throw SampleError(code: .arguments, message: "seed \(seed): wanted 0 or more")
                }
                return Item(prompt: prompt, seed: number, name: name(place, "seed-\(seed)"), origin: "\(seed)")
            }
        }
    }

    /// `latents` of the file, turned from `[N, c, h, w]` to channels last.
    private func initialLatents(_ path: String, _ generator: ImageGenerator, isSized: Bool) throws -> Tensor {
        let file = try SafetensorsFile(path: path)
        guard file.info("latents") != nil else {
            throw SampleError(
                code: .latents,
                message: "\(path): found \(file.names.listed()), wanted a tensor \"latents\"")
        }
        let tensor = try file.tensor("latents")
        let channels = generator.pipeline.unet.latentChannels
        guard tensor.shape.count == 4, tensor.shape[1] == channels, tensor.shape.allSatisfy({ $0 > 0 }) else {
            throw SampleError(
                code: .latents, message: "\(path): latents of shape \(tensor.shape), wanted [N, \(channels), h, w]")
        }
        let (height, width) = generator.latentSize
        guard !isSized || (tensor.shape[2] == height && tensor.shape[3] == width) else {
            let reduction = generator.pipeline.vae.configuration.reduction
            throw SampleError(
                code: .latents,
                message: "\(path): latents of \(tensor.shape[3] * reduction)×\(tensor.shape[2] * reduction) pixels, "
                    + "--size or --image says otherwise; drop it")
        }
        return permuted(tensor, [0, 2, 3, 1])
    }
}
