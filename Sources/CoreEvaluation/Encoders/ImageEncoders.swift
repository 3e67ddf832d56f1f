import CoreData
package import CoreDiffusion
import CoreTensor
import Foundation
package import ImageFiles

/// A pair of encoders that images and texts are measured with: a CLIPModel's folder. Weights are in memory
/// only between a measurement and `release`: the real ones take as much as half a U-Net.
package final class ImageEncoders {
    private let folder: String
    private var loaded: CLIPModel?
    private let tokenizer: CLIPTokenizer
    private let side: Int
    private let preprocessing: ImagePreprocessing

    /// Looks at configuration, weights' header and tokenizer; weights are loaded when they are needed.
    ///
    /// - Parameter base: the base's tokenizer, for encoders without one of their own.
    /// - Throws: `EvaluationError` or `DiffusionError` for encoders that cannot be used.
    package init(folder: String, tokenizer base: CLIPTokenizer) throws {
        let model = try ModelFolder(path: folder)
        let configuration = try CLIPConfiguration(path: model.configurationPath)
        _ = try model.elements()
        self.folder = folder
        tokenizer = CLIPTokenizer.isThere(folder) ? try CLIPTokenizer(directory: folder) : base
        let text = configuration.text
        let largest = Int(tokenizer.vocabulary.values.max() ?? 0)
        guard largest < text.vocabularySize, tokenizer.length <= text.positions else {
            throw EvaluationError(
                code: .model,
                message:
                    "\(folder): its text encoder knows \(text.vocabularySize) words and \(text.positions) positions, "
                    + "the tokenizer has ids up to \(largest) and \(tokenizer.length) positions; put the encoders' own "
                    + "vocab.json and merges.txt there")
        }
        side = configuration.vision.imageSize
        preprocessing = try ImagePreprocessing(folder: folder)
    }

    /// Gives the memory back until the next measurement.
    package func release() {
        loaded = nil
        Compute.releaseIdleBuffers()
    }

    private func clip() throws -> CLIPModel {
        if let loaded { return loaded }
        let model = try DiffusionPipeline.loadCLIP(folder)
        loaded = model
        return model
    }

    /// Projected image vectors, each image encoded alone so that a vector does not depend on its neighbours.
    ///
    /// - Throws: `DiffusionError`, `NetsError` or `TensorError` for encoders that cannot be loaded.
    package func features(_ images: [RGBImage]) throws -> FeatureRows {
        let clip = try clip()
        let values = withoutGradients {
            images.flatMap { clip.imageEmbeddings(normalized($0)).values }
        }
        return FeatureRows(normalizing: values, count: images.count)
    }

    /// Projected text vectors.
    ///
    /// - Throws: `DiffusionError`, `NetsError` or `TensorError` for encoders that cannot be loaded.
    package func features(texts: [String]) throws -> FeatureRows {
        let clip = try clip()
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

    /// `[1, side, side, 3]` with the encoder's mean and deviation.
    private func normalized(_ image: RGBImage) -> Tensor {
        Tensor(preprocessing.values(image, side: side), [1, side, side, 3])
    }
}
