import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import ImageFiles
import RunSpec

/// A base model and a data set of a few kilobytes, random but always the same, in a folder that is removed with the value.
final class TinyModel {
    let folder: String
    var base: String { folder + "/base" }
    var data: String { folder + "/data" }

    init(images: Int = 5) throws {
        folder = NSTemporaryDirectory() + "radiata-training-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Self.pipeline().save(to: base)
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
        evaluation: EvaluationSpec? = nil
    ) throws -> TrainingJob {
        let standard: [String: ParameterValue] = [
            "algorithm": "lora", "layers": "attn-mlp", "dim": 2, "lr": 0.01, "batch": 2, "epochs": 4,
        ]
        return TrainingJob(
            job: "test", base: base, data: data,
            training: try TrainingSpec(standard.merging(parameters) { $1 }, seed: 7), checkpoints: checkpoints,
            evaluation: evaluation)
    }

    /// Two colours in a pattern that depends on the image's number.
    private func writeData(_ images: Int) throws {
        let concept = data + "/1_thing"
        try FileManager.default.createDirectory(atPath: concept, withIntermediateDirectories: true)
        for number in 0..<images {
            var image = RGBImage(width: 16, height: 16)
            for y in 0..<16 {
                for x in 0..<16 where (x / (number + 1) + y) % 2 == 0 {
                    image[x, y] = RGBColor(red: 200, green: UInt8(25 * number), blue: 30)
                }
            }
            try PNGFile.write(image, to: "\(concept)/\(number).png")
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

    private static func textConfiguration(_ tokenizer: CLIPTokenizer) -> CLIPTextConfiguration {
        CLIPTextConfiguration(
            vocabularySize: tokenizer.vocabulary.count,
            sizes: CLIPLayerSizes(width: 16, intermediateWidth: 24, layers: 2, heads: 2), positions: 12,
            startID: tokenizer.startID, endID: tokenizer.endID, padID: tokenizer.padID)
    }

    private static func pipeline() throws -> DiffusionPipeline {
        let tokenizer = try tokenizer()
        let unet = UNet2DConditionModel(
            configuration: UNetConfiguration(
                blockOutChannels: [8, 16], layersPerBlock: 1, heads: 2, crossAttentionWidth: 16, normGroups: 4,
                sampleSize: 8))
        let vae = AutoencoderKL(
            configuration: AutoencoderConfiguration(
                blockOutChannels: [8, 16], layersPerBlock: 1, normGroups: 4, sampleSize: 16))
        let text = CLIPTextModel(configuration: textConfiguration(tokenizer))
        for (index, module) in [unet, vae, text].enumerated() as EnumeratedSequence<[any Module]> {
            module.initialize(seed: UInt64(index))
        }
        return DiffusionPipeline(
            unet: unet, vae: vae, textEncoder: text, tokenizer: tokenizer, schedule: NoiseSchedule())
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
