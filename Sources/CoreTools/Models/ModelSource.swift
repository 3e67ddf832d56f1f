import CoreDiffusion

/// Where one component's network comes from: a pipeline's folder, a model's own, or an original single file.
struct ModelSource {
    let path: String
    let component: ModelComponent

    func unet() throws -> UNet2DConditionModel {
        try singleFile()?.loadUNet() ?? DiffusionPipeline.loadUNet(folder)
    }

    func autoencoder() throws -> AutoencoderKL {
        try singleFile()?.loadAutoencoder() ?? DiffusionPipeline.loadAutoencoder(folder)
    }

    func textEncoder() throws -> CLIPTextModel {
        try singleFile()?.loadTextEncoder() ?? DiffusionPipeline.loadTextEncoder(folder)
    }

    func secondTextEncoder() throws -> CLIPTextModel {
        try singleFile()?.loadSecondTextEncoder() ?? DiffusionPipeline.loadTextEncoder(folder)
    }

    func clip() throws -> CLIPModel {
        try refuseSingleFile()
        return try DiffusionPipeline.loadCLIP(folder)
    }

    func flux() throws -> FluxTransformer2DModel {
        try refuseSingleFile()
        return try FluxTransformer2DModel(folder: folder)
    }

    func flux2() throws -> Flux2Transformer2DModel {
        try refuseSingleFile()
        return try Flux2Transformer2DModel(folder: folder)
    }

    func sd3() throws -> SD3Transformer2DModel {
        try refuseSingleFile()
        return try SD3Transformer2DModel(folder: folder)
    }

    func t5() throws -> T5EncoderModel {
        try refuseSingleFile()
        return try T5EncoderModel(folder: folder)
    }

    func dinov2() throws -> Dinov2Model {
        try refuseSingleFile()
        return try DiffusionPipeline.loadDinov2(folder)
    }

    /// From a file of torchvision's weights, or a folder with one.
    func vgg19() throws -> VGG19Style { try VGG19Style(path: folder) }

    private var folder: String { component.folder(in: path) }

    private func singleFile() throws -> SingleFileCheckpoint? {
        guard try DiffusionPipeline.isSingleFile(path) else { return nil }
        return try SingleFileCheckpoint(
            path: path, configurations: DiffusionPipeline.configurations(of: path, tokenizer: nil))
    }

    private func refuseSingleFile() throws {
        guard try DiffusionPipeline.isSingleFile(path) else { return }
        throw ModelError(
            code: .wrongModel, message: "\(path): \(component.rawValue) is read from a folder, this is a file")
    }
}
