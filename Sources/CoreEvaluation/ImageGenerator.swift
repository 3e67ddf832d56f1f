import CoreAdapters
import CoreData
package import CoreDiffusion
package import CoreTensor
package import ImageFiles

/// Draws images from prompts with one pipeline, in batches.
package final class ImageGenerator {
    /// How images are drawn.
    package struct Settings: Equatable, Sendable {
        package var steps: Int
        package var guidance: Double
        /// Side in pixels; nil: what the base was trained on.
        package var side: Int?
        package var clipSkip: Int

        package init(steps: Int, guidance: Double, side: Int? = nil, clipSkip: Int = 1) {
            self.steps = steps
            self.guidance = guidance
            self.side = side
            self.clipSkip = clipSkip
        }
    }

    /// What one image is made of: words and the noise it starts from.
    package struct Request: Equatable, Sendable {
        package var prompt: String
        package var seed: UInt64

        package init(prompt: String, seed: UInt64) {
            self.prompt = prompt
            self.seed = seed
        }
    }

    package let pipeline: DiffusionPipeline
    package let settings: Settings
    private let shouldStop: () -> Bool

    /// - Parameter shouldStop: asked before each batch; true throws `EvaluationError` with `stopped`.
    package init(
        pipeline: DiffusionPipeline, settings: Settings, shouldStop: @escaping () -> Bool = { false }
    ) throws {
        let limit = pipeline.schedule.timestepCount
        guard (1...limit).contains(settings.steps) else {
            throw EvaluationError(code: .plan, message: "\(settings.steps) sampling steps, wanted 1 to \(limit)")
        }
        self.pipeline = pipeline
        self.settings = settings
        self.shouldStop = shouldStop
    }

    /// One image for each request, in their order.
    ///
    /// - Parameter progress: called after each batch with the number of images done.
    package func images(_ requests: [Request], progress: (_ done: Int) -> Void = { _ in }) throws -> [RGBImage] {
        var images: [RGBImage] = []
        for start in stride(from: 0, to: requests.count, by: batch) {
            if shouldStop() { throw EvaluationError(code: .stopped, message: "stopped while drawing images") }
            let part = Array(requests[start..<min(start + batch, requests.count)])
            images += decoded(latents(of: part))
            progress(images.count)
        }
        return images
    }

    /// Denoised latents of the requests, `[N, h, w, c]`, scaled as the U-Net knows them.
    ///
    /// - Parameter initial: starting noise in place of that named by the seeds.
    package func latents(of requests: [Request], initial: Tensor? = nil) -> Tensor {
        withoutGradients {
            let sampler = DDIMSampler(schedule: pipeline.schedule, steps: settings.steps)
            let noise = initial ?? concatenateBatch(requests.map { startingNoise(seed: $0.seed) })
            let context = pipeline.context(requests.map(\.prompt), clipSkip: settings.clipSkip)
            let empty = pipeline.context(requests.map { _ in "" }, clipSkip: settings.clipSkip)
            return sampler.sample(
                unet: pipeline.unet, latents: noise, conditional: context, unconditional: empty,
                guidance: Float(settings.guidance))
        }
    }

    /// Pixels of scaled latents.
    package func decoded(_ latents: Tensor) -> [RGBImage] {
        withoutGradients {
            let pixels = pipeline.vae.decode(pipeline.vae.unscaled(latents))
            return (0..<pixels.shape[0]).map { RGBImage(pixels, batch: $0) }
        }
    }

    /// `[1, h, w, c]`, a function of the seed alone: base and adapter start from the same noise.
    package func startingNoise(seed: UInt64) -> Tensor {
        let noise = Tensor(uninitialized: [1, latentSide, latentSide, pipeline.unet.configuration.inChannels])
        var random = RandomStream(seed: seed, purpose: "latents")
        random.fillNormal(noise)
        return noise
    }

    package var latentSide: Int {
        guard let side = settings.side else { return pipeline.latentSide }
        return side / pipeline.vae.configuration.reduction
    }

    /// Many small images at once fill the matrix kernels; of large ones a batch must fit the memory.
    private var batch: Int { max(1, min(16, 8192 / (latentSide * latentSide))) }
}
