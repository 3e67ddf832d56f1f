import ArgumentParser
import RunSpec

/// Encoders that images are measured with, besides the base's own.
struct EncoderOptions: ParsableArguments {
    @Option(
        help:
            "CLIP pair to measure with, in transformers' or OpenCLIP's files; needed for a base without clip/.")
    var clip: String?
    @Option(help: "DINOv2 folder to measure with.")
    var dinov2: String?
    @Option(help: "VGG-19 weights with torchvision's names, a safetensors file or its folder: style.")
    var vgg19: String?
    @Option(help: "LPIPS weights (the state of lpips.LPIPS, a safetensors file or its folder).")
    var lpips: String?
    @Option(help: "PickScore's CLIP folder.")
    var pickscore: String?
    @Option(help: "HPSv2's CLIP folder.")
    var hpsv2: String?
    @Option(help: "LAION's aesthetic predictor, a safetensors file or its folder; wants OpenAI's ViT-L/14 as --clip.")
    var aesthetic: String?

    var paths: [EncoderRole: String] {
        let named: [EncoderRole: String?] = [
            .clip: clip, .dinov2: dinov2, .vgg19: vgg19, .lpips: lpips, .pickscore: pickscore, .hpsv2: hpsv2,
            .aesthetic: aesthetic,
        ]
        return named.compactMapValues { $0 }
    }
}
