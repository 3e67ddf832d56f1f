import CoreData
package import CoreDiffusion
import CoreTensor
import Foundation
package import ImageFiles

/// The encoders that images are measured with; they ship with the base: CLIP in `clip/`, the frozen VAE encoder for style.
package final class ImageEncoders {
    private let clip: CLIPModel
    private let tokenizer: CLIPTokenizer
    private let vae: AutoencoderKL
    private let side: Int
    private let mean: [Float]
    private let deviation: [Float]

    /// - Parameters:
    ///   - base: the folder, or a file in the folder, whose `clip/` holds the pair of encoders, with a tokenizer of its own or the base's.
    ///   - pipeline: the base; its VAE measures style.
    package init(base: String, pipeline: DiffusionPipeline) throws {
        let isFile = try DiffusionPipeline.isSingleFile(base)
        let folder = (isFile ? URL(fileURLWithPath: base).deletingLastPathComponent().path : base) + "/clip"
        guard FileManager.default.fileExists(atPath: folder) else {
            throw EvaluationError(
                code: .model,
                message:
                    "\(folder): not there, but images are measured with it; put a CLIPModel folder there or drop 'evaluate'"
            )
        }
        clip = try DiffusionPipeline.loadCLIP(folder)
        let own = CLIPTokenizer.isThere(folder)
        tokenizer = own ? try CLIPTokenizer(directory: folder) : pipeline.tokenizer
        vae = pipeline.vae
        side = clip.configuration.vision.imageSize
        let preprocessing = try ImagePreprocessing(folder: folder)
        mean = preprocessing.mean
        deviation = preprocessing.deviation
    }

    /// Projected image vectors, each image encoded alone so that a vector does not depend on its neighbours.
    package func features(_ images: [RGBImage]) -> FeatureRows {
        let values = withoutGradients {
            images.flatMap { clip.imageEmbeddings(normalized($0)).values }
        }
        return FeatureRows(normalizing: values, count: images.count)
    }

    /// Projected text vectors.
    package func features(texts: [String]) -> FeatureRows {
        var known: [String: [Float]] = [:]
        let values = withoutGradients {
            texts.flatMap { text -> [Float] in
                if let vector = known[text] { return vector }
                let vector = clip.textEmbeddings(ids: [tokenizer.encode(text)]).values
                known[text] = vector
                return vector
            }
        }
        return FeatureRows(normalizing: values, count: texts.count)
    }

    /// Gram matrices after the VAE encoder's first convolution and each of its levels.
    package func style(_ image: RGBImage) -> StyleGrams {
        withoutGradients {
            var activations: [Tensor] = []
            _ = vae.encoder(image.tensor()) { activations.append($0) }
            return StyleGrams(activations: activations)
        }
    }

    /// What remains of an image after the VAE: the best that any latent can be decoded to.
    package func roundTrip(_ image: RGBImage) -> RGBImage {
        withoutGradients { RGBImage(vae.decode(vae.encode(image.tensor()).mean)) }
    }

    /// `[1, side, side, 3]` with the encoder's mean and deviation.
    private func normalized(_ image: RGBImage) -> Tensor {
        let pixels = image.squareCropped(side: side).pixels
        let values = pixels.indices.map { (Float(pixels[$0]) / 255 - mean[$0 % 3]) / deviation[$0 % 3] }
        return Tensor(values, [1, side, side, 3])
    }
}
