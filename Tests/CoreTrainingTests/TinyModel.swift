import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import ImageFiles
import RunSpec

/// A base model and a data set of a few kilobytes, random but always the same, in a folder that is removed
/// with the value.
final class TinyModel {
    let folder: String
    var base: String { folder + "/base" }
    var data: String { folder + "/data" }

    /// - Parameter isLarge: a miniature of SDXL, with two text encoders.
    init(images: Int = 5, isLarge: Bool = false) throws {
        folder = NSTemporaryDirectory() + "radiata-training-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Self.pipeline(isLarge: isLarge).save(to: base)
        try Self.clip().save(to: base + "/clip")
        try writeData(images)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch { print("left behind: \(folder): \(error)") }
    }

    func out(_ name: String) -> AttemptFolder { AttemptFolder("\(folder)/\(name)") }

    /// A job of `epochs` epochs of 3 steps (5 images, batch 2).
    func job(
        _ parameters: [String: ParameterValue], checkpoints: CheckpointPlan = CheckpointPlan(),
        evaluation: EvaluationSpec? = nil, regularisation: String? = nil
    ) throws -> TrainingJob {
        let standard: [String: ParameterValue] = [
            "algorithm": "lora", "layers": "attn-mlp", "dim": 2, "lr": 0.01, "batch": 2, "epochs": 4,
        ]
        return TrainingJob(
            job: "test", base: base, data: data, regData: regularisation,
            training: try TrainingSpec(standard.merging(parameters) { $1 }, seed: 7), checkpoints: checkpoints,
            evaluation: evaluation)
    }

    /// Regularisation images of the class, without captions.
    func regularisation(images: Int) throws -> String {
        for number in 0..<images { try writeImage(number + 20, to: "\(folder)/prior/1_thing") }
        return folder + "/prior"
    }

    /// Images that are not trained on.
    func holdOut(images: Int) throws {
        for number in 0..<images { try writeImage(number + 40, to: data + "/validation") }
    }

    /// Gives every other image another shape.
    func widen() throws {
        for number in stride(from: 1, to: 5, by: 2) { try writeImage(number, to: data + "/1_thing", width: 48) }
    }

    /// Makes the pictures edits of others, and adds some that are held out.
    func pair(heldOut: Int = 2) throws {
        let described = "1_thing:\n  trigger: \"\"\n  class: thing\n  kind: edit\n"
        try Data(described.utf8).write(to: URL(fileURLWithPath: data + "/concepts.yaml"))
        for number in 0..<5 { try writeImage(number + 2, to: data + "/sources/1_thing", name: number) }
        for number in 40..<40 + heldOut {
            try writeImage(number, to: data + "/validation/1_thing")
            try writeImage(number - 37, to: data + "/sources/validation/1_thing", name: number)
        }
    }

    /// Two colours in a pattern that depends on the image's number.
    private func writeImage(_ number: Int, to folder: String, width: Int = 16, name: Int? = nil) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var image = RGBImage(width: width, height: 16)
        for y in 0..<16 {
            for x in 0..<width where (x / (number + 1) + y) % 2 == 0 {
                image[x, y] = RGBColor(red: 200, green: UInt8(25 * number % 256), blue: 30)
            }
        }
        try PNGFile.write(image, to: "\(folder)/\(name ?? number).png")
    }

    private func writeData(_ images: Int) throws {
        let concept = data + "/1_thing"
        for number in 0..<images {
            try writeImage(number, to: concept)
            try Data("veko thing number \(number)".utf8).write(to: URL(fileURLWithPath: "\(concept)/\(number).txt"))
        }
        let concepts = "1_thing:\n  trigger: veko\n  class: thing\n  kind: object\n"
        try Data(concepts.utf8).write(to: URL(fileURLWithPath: data + "/concepts.yaml"))
    }

    private static func tokenizer() throws -> CLIPTokenizer {
        let letters = CLIPTokenizer.byteCharacters.map { String($0) }
        let special = CLIPTokenizer.Special()
        let tokens = letters + letters.map { $0 + "</w>" } + [special.start, special.end]
        let vocabulary = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, Int32($0)) })
        return try CLIPTokenizer(vocabulary: vocabulary, merges: [], special: special, length: 12)
    }

    private static func textConfiguration(_ tokenizer: CLIPTokenizer, width: Int = 16) -> CLIPTextConfiguration {
        CLIPTextConfiguration(
            vocabularySize: tokenizer.vocabulary.count,
            sizes: CLIPLayerSizes(width: width, intermediateWidth: 24, layers: 2, heads: 2), positions: 12,
            startID: tokenizer.startID, endID: tokenizer.endID, padID: tokenizer.padID)
    }

    private static func pipeline(isLarge: Bool) throws -> DiffusionPipeline {
        let tokenizer = try tokenizer()
        var sizes = UNetConfiguration(
            blockOutChannels: [8, 16], layersPerBlock: 1, heads: 2, crossAttentionWidth: isLarge ? 28 : 16,
            normGroups: 4, sampleSize: 8)
        var second: CLIPTextModel?
        if isLarge {
            var text = textConfiguration(tokenizer, width: 12)
            text.hasProjection = true
            text.projectionWidth = 6
            second = CLIPTextModel(configuration: text)
            sizes.addition = .init(timeWidth: 4, inputWidth: 30)
            sizes.useLinearProjection = true
        }
        let unet = UNet2DConditionModel(configuration: sizes)
        let vae = AutoencoderKL(
            configuration: AutoencoderConfiguration(
                blockOutChannels: [8, 16], layersPerBlock: 1, normGroups: 4, sampleSize: 16))
        let text = CLIPTextModel(configuration: textConfiguration(tokenizer))
        let parts: [any Module] = [unet, vae, text] + (second.map { [$0] } ?? [])
        for (index, module) in parts.enumerated() { module.initialize(seed: UInt64(index)) }
        return DiffusionPipeline(
            unet: unet, vae: vae, textEncoder: text, tokenizer: tokenizer, schedule: NoiseSchedule(),
            textEncoder2: second, tokenizer2: second == nil ? nil : tokenizer, zerosForEmptyPrompt: isLarge)
    }

    private static func clip() throws -> CLIPModel {
        let vision = CLIPVisionConfiguration(
            sizes: CLIPLayerSizes(width: 16, intermediateWidth: 24, layers: 1, heads: 2), imageSize: 16, patchSize: 8)
        let model = CLIPModel(
            configuration: CLIPConfiguration(
                text: textConfiguration(try tokenizer()), vision: vision, projectionWidth: 8))
        model.initialize(seed: 9)
        return model
    }
}
