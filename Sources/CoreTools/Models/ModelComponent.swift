import Foundation

/// A network that `radiata model run` can run alone; the raw value is its name on the command line.
package enum ModelComponent: String, CaseIterable, Sendable {
    case unet
    case vaeEncode = "vae-encode"
    case vaeDecode = "vae-decode"
    case textEncoder = "text-encoder"
    case textEncoder2 = "text-encoder-2"
    case clipImage = "clip-image"
    case clipText = "clip-text"
    case flux, flux2, sd3, t5
    case dinov2
    case vgg19

    /// - Throws: `ModelError.unknownComponent`.
    package init(name: String) throws {
        guard let component = ModelComponent(rawValue: name) else {
            let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw ModelError(code: .unknownComponent, message: "component \"\(name)\" is not known; known: \(known)")
        }
        self = component
    }

    /// The component's folder inside a pipeline's.
    private var subfolder: String {
        switch self {
        case .unet: "unet"
        case .vaeEncode, .vaeDecode: "vae"
        case .textEncoder: "text_encoder"
        case .textEncoder2: "text_encoder_2"
        case .clipImage, .clipText: "clip"
        case .flux, .flux2, .sd3: "transformer"
        case .t5: "text_encoder_2"
        case .dinov2: "dinov2"
        case .vgg19: "vgg19"
        }
    }

    /// The component's folder: inside a pipeline's folder, or the folder itself if it is one model's.
    func folder(in directory: String) -> String {
        // SD3 keeps T5 behind two CLIP encoders, Flux behind one.
        let names = self == .t5 ? ["text_encoder_3", subfolder] : [subfolder]
        let inside = names.map { directory + "/" + $0 }.first { FileManager.default.fileExists(atPath: $0) }
        return inside ?? directory
    }
}
