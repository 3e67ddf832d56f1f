import CoreDiffusion
import RunSpec

/// What an encoder is called behind the `@` of its metrics: family and size from its configuration, then six
/// digits of its content, so that two of the same size never write over each other.
enum EncoderName {
    static func clip(_ folder: CLIPFolder, family: String? = nil) -> String {
        let vision = folder.configuration.vision
        let size =
            switch vision.sizes.width {
            case 768: "vitb\(vision.patchSize)"
            case 1024: "vitl\(vision.patchSize)"
            case 1280: "vith\(vision.patchSize)"
            case 1408: "vitg\(vision.patchSize)"
            case 1664: "vitbigg\(vision.patchSize)"
            default: "vit\(vision.sizes.width)x\(vision.sizes.layers)"
            }
        let side = vision.imageSize == 224 ? "" : "-\(vision.imageSize)"
        return (family ?? (folder.isOpenCLIP ? "openclip" : "clip")) + "-" + size + side
    }

    static func dinov2(_ configuration: Dinov2Configuration) -> String {
        switch configuration.width {
        case 384: "dinov2-vits\(configuration.patchSize)"
        case 768: "dinov2-vitb\(configuration.patchSize)"
        case 1024: "dinov2-vitl\(configuration.patchSize)"
        case 1536: "dinov2-vitg\(configuration.patchSize)"
        default: "dinov2-vit\(configuration.width)x\(configuration.layers)"
        }
    }

    /// With the content's digits behind it.
    static func unique(_ name: String, _ content: ContentKey) -> String { name + "-" + content.text.prefix(6) }
}

extension ContentKey {
    /// Of everything that decides what an encoder says: configurations and weights.
    ///
    /// - Throws: `EvaluationError` or `DiffusionError` for what cannot be read.
    static func encoder(_ path: String) throws -> ContentKey {
        var key = ContentKey()
        let weights = try WeightFiles.names(path)
        for file in weights { try key.add(file: file) }
        if weights != [path] {
            for name in ["config.json", "open_clip_config.json", "preprocessor_config.json"] {
                key.add(name)
                try key.add(file: "\(path)/\(name)", ifThere: true)
            }
        }
        return key
    }
}
