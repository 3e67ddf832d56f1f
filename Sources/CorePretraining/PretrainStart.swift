import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import RunSpec

/// A base made before, of which another run goes on.
struct PretrainStart {
    /// Parts that a stage may leave as they are.
    private static let parts = ["tokenizer", "vae", "clip"]

    private let folder: String
    let recipe: PretrainRecipe

    /// Copies tokenizer, autoencoder and encoders to `out` where they are not there yet.
    init(_ folder: String, out: String) throws {
        let files = FileManager.default
        let resolved = [folder, out].map { URL(fileURLWithPath: $0).standardizedFileURL.path }
        guard resolved[0] != resolved[1] else {
            throw PretrainError(
                code: .sameFolder,
                message: "\(out): a base cannot be trained further in its own folder; name another --out")
        }
        self.folder = folder
        recipe = try PretrainRecipe(path: "\(folder)/recipe.json")
        try files.createDirectory(atPath: out, withIntermediateDirectories: true)
        for part in Self.parts where !files.fileExists(atPath: "\(out)/\(part)") {
            try files.copyItem(atPath: "\(folder)/\(part)", toPath: "\(out)/\(part)")
        }
    }

    func load(_ unet: UNet2DConditionModel, _ text: CLIPTextModel) throws {
        try copy(DiffusionPipeline.loadUNet("\(folder)/unet"), "unet", into: unet)
        try copy(DiffusionPipeline.loadTextEncoder("\(folder)/text_encoder"), "text_encoder", into: text)
    }

    /// The text encoder alone, with which a flow begins.
    func load(_ text: CLIPTextModel) throws {
        try copy(DiffusionPipeline.loadTextEncoder("\(folder)/text_encoder"), "text_encoder", into: text)
    }

    func load(_ vae: AutoencoderKL) throws {
        try copy(DiffusionPipeline.loadAutoencoder("\(folder)/vae"), "vae", into: vae)
    }

    func load(_ clip: CLIPModel) throws { try copy(DiffusionPipeline.loadCLIP("\(folder)/clip"), "clip", into: clip) }

    private func copy(_ source: any Module, _ part: String, into module: any Module) throws {
        let weights = Dictionary(
            uniqueKeysWithValues: source.allParameters().map { ($0.path, $0.parameter.tensor) })
        for (path, parameter) in module.allParameters() {
            let tensor = parameter.tensor
            guard let weight = weights[path], weight.shape == tensor.shape else {
                throw PretrainError(
                    code: .otherShape,
                    message: "\(folder)/\(part): \(path) has shape \(weights[path]?.shape ?? []), these settings want "
                        + "\(tensor.shape); begin without --from")
            }
            tensor.withMutableBuffer { _ = $0.update(fromContentsOf: weight.values) }
        }
    }

    /// Code points that the generator of the old base did not see for their likeness to held-out pictures.
    var excludedTwins: Set<UInt32> {
        Set(recipe.heldOutBySimilarity.compactMap { UInt32($0.dropFirst("U+".count), radix: 16) })
    }

    /// What the new recipe says of the old one.
    ///
    /// - Parameters:
    ///   - trained: stages that ran since.
    ///   - kept: those of whose results the new base has the old one's.
    func notes(trained: [String], kept: [String]) -> [String] {
        let name = (folder as NSString).lastPathComponent
        let ran = trained.map { stage in
            stage + (recipe.stages[stage].map { " (after \($0.steps) steps there, not counted above)" } ?? "")
        }
        let parts = [
            name,
            ran.isEmpty ? nil : "stages run since: \(ran.listed())",
            kept.isEmpty ? nil : "kept: \(kept.listed())",
        ]
        return recipe.notes + ["Begun with \(parts.compactMap(\.self).joined(separator: "; "))."]
    }
}
