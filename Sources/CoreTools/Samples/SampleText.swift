import CoreDiffusion
import Foundation
import ImageFiles
import RunSpec

/// What the images of `radiata sample` say about how they were made: the `parameters` of A1111's user
/// interface, the `prompt` of ComfyUI, and a chunk for each setting.
///
/// Both programs draw their noise otherwise: the settings carry over, the image does not repeat.
struct SampleText {
    let sample: SampleImages
    let hashes: WeightHashes
    /// Of the picture that drawing started from; nil without one.
    let strength: Double?
    let isFlow: Bool
    /// Whether the network reads the guidance.
    let embedsGuidance: Bool

    init(_ sample: SampleImages, hashes: WeightHashes, strength: Double?, pipeline: DiffusionPipeline) {
        self.sample = sample
        self.hashes = hashes
        self.strength = strength
        isFlow = pipeline.flow != nil
        embedsGuidance = pipeline.unet.embedsGuidance
    }

    /// The text chunks of one image.
    func chunks(of item: SampleImages.Item, _ image: RGBImage) throws -> [(keyword: String, value: String)] {
        let used = sample.adapters.map { "\($0.path):\($0.schedule)" }.joined(separator: " ")
        var text = [
            ("Software", "radiata"), ("parameters", parameters(of: item, image)),
            ("prompt", try graph(of: item, image)), ("positive_prompt", item.prompt),
            ("negative_prompt", sample.negative), ("seed", item.origin), ("steps", "\(sample.steps)"),
            ("guidance", "\(sample.guidance)"), ("sampler", sample.sampler), ("base", sample.base),
            ("adapters", used),
        ]
        let optional = [
            ("latents", sample.latents), ("image", sample.image), ("mask", sample.mask),
            ("strength", strength.map { "\($0)" }), ("source", sample.source),
            ("image_guidance", sample.source.map { _ in "\(sample.imageGuidance)" }),
            ("precision", sample.precision == .f32 ? nil : sample.precision.rawValue),
        ]
        for case (let keyword, .some(let value)) in optional { text.append((keyword, value)) }
        return text.map { (keyword: $0.0, value: $0.1) }
    }

    /// One text as A1111 and those after it write and read it: the prompt, the negative prompt, then
    /// `key: value` pairs.
    func parameters(of item: SampleImages.Item, _ image: RGBImage) -> String {
        let names = ["ddim": "DDIM", "euler": "Euler", "dpm++2m": "DPM++ 2M", "heun": "Heun"]
        let loras = sample.adapters.map { " <lora:\(Self.name($0.path)):\(Self.number($0.strength))>" }
        var known: [String] = []
        for path in sample.adapters.map(\.path) where !known.contains(path) { known.append(path) }
        let used = known.compactMap { path in
            hashes.adapters[path].map { "\(Self.plain(Self.name(path))): \($0)" }
        }
        let moving = sample.adapters.filter { !$0.isSteady }.map { "\(Self.plain(Self.name($0.path))): \($0.schedule)" }
        let guidance = Self.number(sample.guidance)
        let pairs: [(String, String?)] = [
            ("Steps", "\(sample.steps)"), ("Sampler", names[sample.sampler] ?? sample.sampler),
            ("CFG scale", embedsGuidance ? "1" : guidance),
            ("Distilled CFG Scale", embedsGuidance ? guidance : nil), ("Seed", item.origin),
            ("Size", "\(image.width)x\(image.height)"), ("Model hash", hashes.base), ("Model", Self.name(sample.base)),
            ("Denoising strength", strength.map(Self.number)),
            ("Clip skip", sample.clipSkip > 1 ? "\(sample.clipSkip)" : nil),
            ("Lora hashes", used.isEmpty ? nil : used.joined(separator: ", ")),
            ("Lora schedules", moving.isEmpty ? nil : moving.joined(separator: ", ")),
        ]
        let values = pairs.compactMap { key, value in value.map { "\(key): \(Self.quoted($0))" } }
        return item.prompt + loras.joined() + "\n"
            + (sample.negative.isEmpty ? "" : "Negative prompt: \(sample.negative)\n")
            + values.joined(separator: ", ")
    }

    /// The last part of a path, without its ending.
    static func name(_ path: String) -> String {
        let last = URL(fileURLWithPath: path)
        let endings: Set = ["safetensors", "ckpt", "pt"]
        return (endings.contains(last.pathExtension) ? last.deletingPathExtension() : last).lastPathComponent
    }

    /// 7 rather than 7.0.
    static func number(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }

    /// A name in a list of `name: value`.
    private static func plain(_ name: String) -> String {
        name.replacing(":", with: "").replacing(",", with: "")
    }

    /// A value that would be taken for several, as JSON's text.
    private static func quoted(_ value: String) -> String {
        value.contains { $0 == "," || $0 == ":" || $0.isNewline } ? QuotedText.of(value) : value
    }
}
