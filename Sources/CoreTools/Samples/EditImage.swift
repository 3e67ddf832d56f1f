import CoreData
import CoreDiffusion
import CoreEvaluation
import CoreTensor
import Foundation
import ImageFiles
package import RunSpec

/// `radiata edit`: changes a picture, or one that is drawn, by a second prompt and without training.
package struct EditImage {
    package enum Method: String, CaseIterable, Sendable {
        /// A picture from a file, along the difference of two prompts' velocities.
        case flowedit
        /// A picture that is drawn from a seed, beside itself with the edit.
        case fluxspace
    }

    /// The named forms of FluxSpace, between which a scale means different things.
    package enum Variant: String, CaseIterable, Sendable {
        case lengthKeeping = "length-keeping"
        case free
    }

    /// A pipeline's folder with a transformer.
    package var base: String
    package var method: Method
    /// The picture to edit.
    package var image: String?
    /// What the picture shows.
    package var prompt: String
    /// What it shall show; of FluxSpace, what is added.
    package var edit: String
    package var negative = ""
    package var steps = 28
    /// Of FluxSpace: embedded, or by a second pass.
    package var guidance = 3.5
    package var seeds = [0]
    /// In pixels; nil: the picture's own, or what the base was trained on.
    package var size: PixelSize?
    /// FlowEdit's: so many last steps edit, so many of these draw as usual, with so many draws of noise each.
    package var mostSteps = 24
    package var leastSteps = 0
    package var average = 1
    package var sourceGuidance = 1.5
    package var targetGuidance = 5.5
    package var variant = Variant.lengthKeeping
    package var coarse = 0.0
    package var fine = 0.0
    package var tau = 0.5
    package var start = 0
    /// Words of the edit whose place in the picture is the mask; empty for the first word.
    package var maskWords = ""
    package var out: String
    package var threads: Int

    package init(base: String, method: Method, prompt: String, edit: String, out: String, threads: Int) {
        self.base = base
        self.method = method
        self.prompt = prompt
        self.edit = edit
        self.out = out
        self.threads = threads
    }

    /// - Returns: the paths of the images.
    package func run(report: (String) -> Void = { _ in }) throws -> [String] {
        Compute.configure(threads: threads)
        let pipeline = try DiffusionPipeline.load(path: base)
        guard pipeline.flow != nil else {
            throw SampleError(
                code: .arguments, message: "\(base): no transformer/ in it; editing wants Flux.1 or Stable Diffusion 3")
        }
        do {
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        } catch {
            throw SampleError(
                code: .output, message: "\(out): cannot be made (\(error.localizedDescription)); choose another --out")
        }
        let streams = try seeds.map { seed in
            guard let number = UInt64(exactly: seed) else {
                throw SampleError(code: .arguments, message: "seed \(seed): wanted 0 or more")
            }
            return number
        }
        switch method {
        case .flowedit: return try moved(pipeline, streams, report)
        case .fluxspace: return try drawn(pipeline, streams, report)
        }
    }

    private func generator(_ pipeline: DiffusionPipeline, _ size: PixelSize?) throws -> ImageGenerator {
        try ImageGenerator(
            pipeline: pipeline, settings: .init(sampler: .euler, steps: steps, guidance: guidance, size: size))
    }

    /// FlowEdit.
    private func moved(
        _ pipeline: DiffusionPipeline, _ seeds: [UInt64], _ report: (String) -> Void
    ) throws -> [String] {
        guard let image else { throw SampleError(code: .arguments, message: "flowedit: wanted --image, the picture") }
        let source = try ImageFile.read(image)
        let unit = pipeline.vae.configuration.reduction * pipeline.unet.latentStep
        let own = PixelSize(width: source.width / unit * unit, height: source.height / unit * unit)
        guard min(own.width, own.height) > 0 else {
            throw SampleError(
                code: .arguments,
                message: "\(image): \(source.width)×\(source.height) pixels, wanted at least \(unit) a side")
        }
        let generator = try generator(pipeline, size ?? own)
        let pixels = FittedImage(source, covering: size ?? own).image.tensor()
        let picture = withoutGradients { pipeline.vae.scaled(pipeline.vae.encode(pixels).mean) }
        var edit = FlowEdit()
        (edit.steps, edit.mostSteps, edit.leastSteps, edit.average) = (steps, mostSteps, leastSteps, average)
        (edit.sourceGuidance, edit.targetGuidance) = (Float(sourceGuidance), Float(targetGuidance))
        guard (0...steps).contains(edit.mostSteps), (0...edit.mostSteps).contains(edit.leastSteps), edit.average > 0
        else {
            throw SampleError(
                code: .arguments,
                message:
                    "n-max \(edit.mostSteps), n-min \(edit.leastSteps), n-avg \(edit.average): wanted n-min ≤ n-max "
                    + "≤ \(steps) steps, and an average of at least 1")
        }
        let negative = pipeline.unet.embedsGuidance ? nil : withoutGradients { pipeline.condition([self.negative]) }
        let prompts = withoutGradients { [prompt, self.edit].map { pipeline.condition([$0]) } }
        let levels = generator.flowLevels(height: picture.shape[1], width: picture.shape[2])
        return try seeds.map { seed in
            let result = edit.edit(
                picture, network: pipeline.unet, levels: levels, source: .init(prompts[0], negative: negative),
                target: .init(prompts[1], negative: negative)
            ) { step, draw in
                let noise = Tensor(uninitialized: picture.shape)
                var random = RandomStream(seed: seed, purpose: "flowedit", step: step, item: draw)
                random.fillNormal(noise)
                return noise
            }
            return try write(generator.decoded(result)[0], "seed-\(seed)", report)
        }
    }

    /// FluxSpace.
    private func drawn(
        _ pipeline: DiffusionPipeline, _ seeds: [UInt64], _ report: (String) -> Void
    ) throws -> [String] {
        guard let flux = pipeline.unet as? FluxTransformer2DModel, let t5 = pipeline.t5 else {
            throw SampleError(code: .arguments, message: "\(base): fluxspace wants Flux.1; flowedit takes others")
        }
        guard image == nil else {
            throw SampleError(
                code: .arguments, message: "fluxspace draws its picture from a seed; use flowedit for a file")
        }
        let words = t5.tokenizer.positions(of: maskWords, in: edit)
        guard maskWords.isEmpty || !words.isEmpty else {
            throw SampleError(code: .arguments, message: "mask words '\(maskWords)': not in the edit prompt '\(edit)'")
        }
        var variant: FluxSpace.Variant = self.variant == .free ? .free(maskWords: [0]) : .lengthKeeping
        if !words.isEmpty { variant.maskWords = words }
        var space = FluxSpace(variant)
        (space.coarse, space.fine, space.tau, space.start) = (Float(coarse), Float(fine), Float(tau), start)
        let generator = try generator(pipeline, size)
        let prompts = withoutGradients {
            FluxSpace.Prompts(
                base: pipeline.condition([prompt]), edit: pipeline.condition([edit]),
                null: pipeline.condition([negative]))
        }
        let (height, width) = generator.latentSize
        let levels = generator.flowLevels(height: height, width: width)
        return try seeds.flatMap { seed in
            try [("base", FluxSpace(variant)), ("edit", space)].map { name, space in
                var latents = generator.startingNoise(seed: seed)
                for step in 0..<steps {
                    let velocity = withoutGradients {
                        flux.predict(
                            latents, level: levels[step], guidance: Float(guidance), prompts: prompts, space: space,
                            step: step)
                    }
                    latents = add(latents, scaled(velocity, by: levels[step + 1] - levels[step]))
                }
                return try write(generator.decoded(latents)[0], "seed-\(seed)-\(name)", report)
            }
        }
    }

    private func write(_ image: RGBImage, _ name: String, _ report: (String) -> Void) throws -> String {
        let path = "\(out)/\(name).png"
        let text = [
            ("Software", "radiata"), ("method", method.rawValue), ("prompt", prompt), ("edit", edit),
            ("steps", "\(steps)"), ("base", base),
        ]
        try PNGFile.write(image, to: path, text: text.map { (keyword: $0.0, value: $0.1) })
        report(path)
        return path
    }
}
