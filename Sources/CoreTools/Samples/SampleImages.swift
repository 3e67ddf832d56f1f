import CoreAdapters
import CoreData
import CoreDiffusion
import CoreEvaluation
import CoreTensor
import Foundation
import ImageFiles
package import RunSpec

/// `radiata sample`: images of one prompt, with any number of adapters at their strengths.
package struct SampleImages {
    /// A pipeline's folder or a single file.
    package var base: String
    /// The tokenizer's folder for a single file; nil looks beside it.
    package var tokenizer: String?
    /// Applied together: W + Σ strength · ΔW.
    package var adapters: [(path: String, strength: Double)] = []
    package var prompt: String
    package var negative = ""
    /// One image each.
    package var seeds: [Int] = [0]
    /// One of `EvaluationSpec.samplers`.
    package var sampler = EvaluationSpec.standard.sampler
    package var steps = EvaluationSpec.standard.steps
    package var guidance = EvaluationSpec.standard.guidance
    /// In pixels; nil: what the base was trained on.
    package var size: PixelSize?
    package var clipSkip = 1
    /// 75, 150 or 225: longer prompts are encoded in chunks.
    package var maxTokens = 75
    /// A safetensors file whose `latents` `[N, c, h, w]` replace the seeds' noise; unit normal, whatever the
    /// sampler.
    package var latents: String?
    /// A picture to edit, for adapters that were trained on pairs and for bases such as InstructPix2Pix: cut
    /// and resized to the images' size.
    package var source: String?
    /// Guidance by that picture; below 1 there is none at all.
    package var imageGuidance = EvaluationSpec.usualImageGuidance
    package var out: String
    package var threads: Int

    package init(base: String, prompt: String, out: String, threads: Int) {
        self.base = base
        self.prompt = prompt
        self.out = out
        self.threads = threads
    }

    /// - Returns: the paths of the images, in the order of the seeds.
    package func run(report: (String) -> Void = { _ in }) throws -> [String] {
        Compute.configure(threads: threads)
        let kind = try checkedSampler()
        guard source == nil || latents == nil else {
            throw SampleError(code: .arguments, message: "--source and --latents: give one of the two")
        }
        let pipeline = try DiffusionPipeline.load(path: base, tokenizer: tokenizer)
        let generator = try ImageGenerator(
            pipeline: pipeline,
            settings: .init(
                sampler: kind, steps: steps, guidance: guidance, size: size, clipSkip: clipSkip,
                chunks: maxTokens / 75))
        let sets = try adapters.map { adapter in
            let set = try AdapterSet.load(
                adapter.path, unet: pipeline.unet, textEncoder: pipeline.textEncoder,
                secondTextEncoder: pipeline.textEncoder2)
            set.isTraining = false
            for warning in set.warnings { report("warning: \(warning)") }
            return (set: set, strength: Float(adapter.strength))
        }
        if !sets.isEmpty { AdapterSet.attach(sets) }
        generator.imageGuidance = imageGuidance
        let picture = try source.map { try pictureToEdit($0, generator) }
        do {
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        } catch {
            throw SampleError(
                code: .output, message: "\(out): cannot be made (\(error.localizedDescription)); choose another --out")
        }
        if let latents { return try draw(try initialLatents(latents, generator), generator, report: report) }
        var paths: [String] = []
        for seed in seeds {
            guard let number = UInt64(exactly: seed) else {
                throw SampleError(code: .arguments, message: "seed \(seed): wanted 0 or more")
            }
            let images = try generator.images([
                .init(prompt: prompt, negative: negative, seed: number, source: picture)
            ])
            paths.append(try write(images[0], name: "seed-\(seed)", seed: "\(seed)"))
            report(paths[paths.count - 1])
        }
        return paths
    }

    private func pictureToEdit(_ path: String, _ generator: ImageGenerator) throws -> RGBImage {
        let (latent, reduction) = (generator.latentSize, generator.pipeline.vae.configuration.reduction)
        let size = PixelSize(width: latent.width * reduction, height: latent.height * reduction)
        return FittedImage(try DataPictures.load(path).image.composited(), covering: size).image
    }

    private func checkedSampler() throws -> SamplerKind {
        guard let kind = SamplerKind(rawValue: sampler) else {
            throw SampleError(
                code: .arguments,
                message: "sampler \(sampler): wanted one of \(EvaluationSpec.samplers.joined(separator: ", "))")
        }
        guard [75, 150, 225].contains(maxTokens) else {
            throw SampleError(code: .arguments, message: "max_token_length \(maxTokens): wanted 75, 150 or 225")
        }
        guard guidance.isFinite else { throw SampleError(code: .arguments, message: "guidance \(guidance)") }
        return kind
    }

    private func draw(_ initial: Tensor, _ generator: ImageGenerator, report: (String) -> Void) throws -> [String] {
        try (0..<initial.shape[0]).map { index in
            let one = slice(initial, batch: index..<index + 1)
            let images = generator.decoded(
                generator.latents(of: [.init(prompt: prompt, negative: negative, seed: 0)], initial: one))
            let path = try write(images[0], name: "latents-\(index)", seed: "latents \(index)")
            report(path)
            return path
        }
    }

    /// `latents` of the file, turned from `[N, c, h, w]` to channels last.
    private func initialLatents(_ path: String, _ generator: ImageGenerator) throws -> Tensor {
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
        let reduction = generator.pipeline.vae.configuration.reduction
        let found = PixelSize(width: tensor.shape[3] * reduction, height: tensor.shape[2] * reduction)
        guard size == nil || size == found else {
            throw SampleError(
                code: .latents,
                message: "\(path): latents of \(found.width)×\(found.height) pixels, --size says otherwise; drop it")
        }
        return permuted(tensor, [0, 2, 3, 1])
    }

    private func write(_ image: RGBImage, name: String, seed: String) throws -> String {
        let path = "\(out)/\(name).png"
        let used = adapters.map { "\($0.path):\($0.strength)" }.joined(separator: " ")
        var text = [
            ("Software", "radiata"), ("parameters", parameters(image, seed: seed)), ("prompt", prompt),
            ("negative_prompt", negative), ("seed", seed), ("steps", "\(steps)"), ("guidance", "\(guidance)"),
            ("sampler", sampler), ("base", base), ("adapters", used),
        ]
        if let latents { text.append(("latents", latents)) }
        if let source { text += [("source", source), ("image_guidance", "\(imageGuidance)")] }
        try PNGFile.write(image, to: path, text: text.map { (keyword: $0.0, value: $0.1) })
        return path
    }

    /// One text as user interfaces write and read it.
    private func parameters(_ image: RGBImage, seed: String) -> String {
        let names = ["ddim": "DDIM", "euler": "Euler", "dpm++2m": "DPM++ 2M", "heun": "Heun"]
        let loras = adapters.map { adapter in
            let name = URL(fileURLWithPath: adapter.path).deletingPathExtension().lastPathComponent
            return " <lora:\(name):\(adapter.strength)>"
        }
        let values = [
            "Steps: \(steps)", "Sampler: \(names[sampler] ?? sampler)", "CFG scale: \(guidance)", "Seed: \(seed)",
            "Size: \(image.width)x\(image.height)", "Clip skip: \(clipSkip)",
        ]
        return prompt + loras.joined() + "\n" + (negative.isEmpty ? "" : "Negative prompt: \(negative)\n")
            + values.joined(separator: ", ")
    }
}
