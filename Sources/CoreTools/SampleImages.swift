import CoreAdapters
import CoreDiffusion
import CoreEvaluation
import CoreTensor
import Foundation
import ImageFiles

/// `radiata sample`: images of one prompt, with any number of adapters at their strengths.
package struct SampleImages {
    package var base: String
    /// Applied together: W + Σ strength · ΔW.
    package var adapters: [(path: String, strength: Float)] = []
    package var prompt: String
    /// One image each.
    package var seeds: [Int] = [0]
    package var steps = 25
    package var guidance = 7.0
    /// In pixels; nil: what the base was trained on.
    package var side: Int?
    /// A safetensors file whose `latents` `[N, c, h, w]` replace the seeds' noise.
    package var latents: String?
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
        let pipeline = try DiffusionPipeline(directory: base)
        let reduction = pipeline.vae.configuration.reduction
        if let side, side <= 0 || side % reduction != 0 {
            throw SampleError(code: .arguments, message: "size \(side): wanted a multiple of \(reduction) pixels")
        }
        let sets = try adapters.map { adapter in
            let set = try AdapterSet.load(adapter.path, unet: pipeline.unet, textEncoder: pipeline.textEncoder)
            set.isTraining = false
            return (set: set, strength: adapter.strength)
        }
        if !sets.isEmpty { AdapterSet.attach(sets) }
        let generator = try ImageGenerator(
            pipeline: pipeline, settings: .init(steps: steps, guidance: guidance, side: side))
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
            let images = try generator.images([.init(prompt: prompt, seed: number)])
            paths.append(try write(images[0], name: "seed-\(seed)", seed: "\(seed)"))
            report(paths[paths.count - 1])
        }
        return paths
    }

    private func draw(_ initial: Tensor, _ generator: ImageGenerator, report: (String) -> Void) throws -> [String] {
        try (0..<initial.shape[0]).map { index in
            let one = slice(initial, batch: index..<index + 1)
            let images = generator.decoded(
                generator.latents(of: [.init(prompt: prompt, seed: 0)], initial: one))
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
                message: "\(path): found \(file.names.joined(separator: ", ")), wanted a tensor \"latents\"")
        }
        let tensor = try file.tensor("latents")
        let channels = generator.pipeline.unet.configuration.inChannels
        guard tensor.shape.count == 4, tensor.shape[1] == channels, tensor.shape[0] > 0 else {
            throw SampleError(
                code: .latents, message: "\(path): latents of shape \(tensor.shape), wanted [N, \(channels), h, w]")
        }
        return permuted(tensor, [0, 2, 3, 1])
    }

    private func write(_ image: RGBImage, name: String, seed: String) throws -> String {
        let path = "\(out)/\(name).png"
        let used = adapters.map { "\($0.path):\($0.strength)" }.joined(separator: " ")
        let text = [
            ("Software", "radiata"), ("prompt", prompt), ("seed", seed), ("steps", "\(steps)"),
            ("guidance", "\(guidance)"), ("sampler", "ddim"), ("base", base), ("adapters", used),
        ]
        try PNGFile.write(image, to: path, text: text.map { (keyword: $0.0, value: $0.1) })
        return path
    }
}
