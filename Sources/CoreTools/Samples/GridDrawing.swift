import CoreAdapters
import CoreDiffusion
import CoreEvaluation
import CoreTensor
import Foundation
import ImageFiles
import RunSpec

/// Draws the images of a grid: the base is loaded once, every different image is drawn once, and what is
/// drawn is kept, so that a run that was stopped goes on where it was.
package final class GridDrawing {
    /// What all images have in common.
    package struct Settings: Sendable {
        /// A pipeline's folder or a single file.
        package var base: String
        /// The tokenizer's folder for a single file; nil looks beside it.
        package var tokenizer: String?
        /// One of `EvaluationSpec.samplers`.
        package var sampler = EvaluationSpec.standard.sampler
        package var steps = EvaluationSpec.standard.steps
        package var guidance = EvaluationSpec.standard.guidance
        /// A folder that any number of grids share.
        package var cache: String
        package var threads: Int

        package init(base: String, cache: String, threads: Int) {
            self.base = base
            self.cache = cache
            self.threads = threads
        }
    }

    private let settings: Settings
    private let kind: SamplerKind
    private let cache: ImageCache
    private let model: ContentKey
    private var digests: [String: String] = [:]
    private var keys: [GridImage: String] = [:]
    /// The adapters of the last image; neighbours share them.
    private var loaded: [String: AdapterSet] = [:]

    /// - Throws: `SampleError` for settings that cannot be used, `EvaluationError` for a base that cannot be
    ///   read.
    package init(_ settings: Settings) throws {
        guard let kind = SamplerKind(rawValue: settings.sampler) else {
            throw SampleError(
                code: .arguments,
                message: "sampler \(settings.sampler): wanted one of \(EvaluationSpec.samplers.joined(separator: ", "))"
            )
        }
        self.settings = settings
        self.kind = kind
        cache = try ImageCache(folder: settings.cache)
        var model = ContentKey()
        try model.add(base: settings.base)
        model.add("\(settings.sampler) \(settings.steps) \(settings.guidance)")
        self.model = model
        Compute.configure(threads: settings.threads)
    }

    /// Those of the images that are not kept yet, each once, in the order in which they are drawn: images of
    /// the same adapters follow each other.
    package func missing(_ images: [GridImage]) throws -> [GridImage] {
        var seen: Set<GridImage> = []
        let missing = try images.filter { try seen.insert($0).inserted && path($0) == nil }
        var order: [GridImage: Int] = [:]
        for image in missing where order[image.state] == nil { order[image.state] = order.count }
        return missing.enumerated().sorted { a, b in
            (order[a.element.state] ?? 0, a.offset) < (order[b.element.state] ?? 0, b.offset)
        }.map(\.element)
    }

    /// The PNG file of an image; nil for one that is not drawn yet.
    package func path(_ image: GridImage) throws -> String? { cache.firstImage(try key(image)) }

    /// Draws what is missing.
    ///
    /// - Parameters:
    ///   - report: gets warnings of the adapters.
    ///   - progress: called after each image or small group of them, with the number drawn so far.
    /// - Throws: `AdapterError` for an adapter that does not fit, `EvaluationError` for settings that the
    ///   base does not take.
    package func draw(
        _ images: [GridImage], report: (String) -> Void = { _ in }, progress: (_ done: Int, _ of: Int) -> Void
    ) throws {
        let images = try missing(images)
        guard !images.isEmpty else { return }
        let pipeline = try DiffusionPipeline.load(path: settings.base, tokenizer: settings.tokenizer)
        var done = 0
        var rest = images[...]
        while let first = rest.first {
            let group = rest.prefix { $0.state == first.state }
            rest = rest.dropFirst(group.count)
            let generator = try generator(first.setup, pipeline)
            try attach(first, to: pipeline, report: report)
            guard first.adapters.isEmpty || pipeline.unet.sourceReading != .channels else {
                throw SampleError(
                    code: .arguments,
                    message: "an adapter that was trained on pairs, or a base that edits: there is no picture here to "
                        + "edit; draw with 'radiata sample --source PICTURE'")
            }
            for start in stride(from: group.startIndex, to: group.endIndex, by: generator.batch) {
                let part = group[start..<min(start + generator.batch, group.endIndex)]
                let drawn = try generator.images(
                    part.map { .init(prompt: $0.prompt, negative: $0.negative, seed: $0.seed) })
                for (image, picture) in zip(part, drawn) { try cache.keep([picture], try key(image)) }
                done += part.count
                progress(done, images.count)
            }
        }
        for set in loaded.values { set.detach() }
        loaded = [:]
        Compute.releaseIdleBuffers()
    }

    private func generator(_ setup: GridImage.Setup, _ pipeline: DiffusionPipeline) throws -> ImageGenerator {
        guard [75, 150, 225].contains(setup.maxTokens) else {
            throw SampleError(code: .arguments, message: "max_token_length \(setup.maxTokens): wanted 75, 150 or 225")
        }
        var pipeline = pipeline
        try pipeline.schedule.adopt(prediction: setup.prediction, zeroTerminal: setup.hasZeroTerminalSNR)
        return try ImageGenerator(
            pipeline: pipeline,
            settings: .init(
                sampler: kind, steps: settings.steps, guidance: settings.guidance, size: setup.size,
                clipSkip: setup.clipSkip, chunks: setup.maxTokens / 75))
    }

    private func attach(_ image: GridImage, to pipeline: DiffusionPipeline, report: (String) -> Void) throws {
        for set in loaded.values { set.detach() }
        loaded = loaded.filter { known in image.adapters.contains { $0.path == known.key } }
        let sets = try image.adapters.map { used in
            let set = try loaded[used.path] ?? load(used.path, pipeline, report)
            loaded[used.path] = set
            // Weights that were kept for another strength are let go.
            set.isTraining = true
            set.isTraining = false
            return (set: set, strength: Float(used.strength))
        }
        guard !sets.isEmpty else { return }
        if image.blocks.isAll {
            AdapterSet.attach(sets)
        } else {
            AdapterSet.attach(sets, where: try image.blocks.filter(for: pipeline.unet))
        }
    }

    private func load(_ path: String, _ pipeline: DiffusionPipeline, _ report: (String) -> Void) throws -> AdapterSet {
        let set = try AdapterSet.load(
            path, unet: pipeline.unet, textEncoder: pipeline.textEncoder, secondTextEncoder: pipeline.textEncoder2)
        for warning in set.warnings { report("warning: \(path): \(warning)") }
        return set
    }

    /// Names an image by everything that decides it.
    private func key(_ image: GridImage) throws -> String {
        if let known = keys[image] { return known }
        var key = model
        let setup = image.setup
        key.add("\(setup.size.map { "\($0.width)x\($0.height)" } ?? "") \(setup.clipSkip) \(setup.maxTokens)")
        key.add("\(setup.prediction ?? "") \(setup.hasZeroTerminalSNR)")
        key.add(image.prompt)
        key.add(image.negative)
        key.add("\(image.seed)")
        for used in image.adapters { key.add("\(try digest(used.path)) \(used.strength)") }
        key.add(image.blocks.description)
        let text = "grid-" + key.text
        keys[image] = text
        return text
    }

    private func digest(_ path: String) throws -> String {
        if let known = digests[path] { return known }
        var key = ContentKey()
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            try key.add(folder: path)
        } else {
            try key.add(file: path)
        }
        digests[path] = key.text
        return key.text
    }
}

extension GridImage {
    /// The same network: images of one state are drawn one after the other.
    fileprivate var state: GridImage {
        GridImage(prompt: "", negative: "", seed: 0, adapters: adapters, blocks: blocks, setup: setup)
    }
}
