package import CoreDiffusion
import CoreTensor
package import ImageFiles
package import RunSpec

/// A pair of encoders that images and texts are measured with: a CLIPModel's folder, or OpenCLIP's.
package final class CLIPEncoders: ImageEncoder {
    private let folder: CLIPFolder
    private var loaded: CLIPModel?
    private let tokenizer: CLIPTokenizer
    private let preprocessing: ImagePreprocessing

    /// Looks at configuration, weights' header and tokenizer; weights are loaded when they are needed.
    ///
    /// - Parameters:
    ///   - base: the base's tokenizer, for encoders without one of their own.
    ///   - isOwn: the base's own pair, whose resize of square pictures stays as it was.
    /// - Throws: `EvaluationError` or `DiffusionError` for encoders that cannot be used.
    package init(folder: String, tokenizer base: CLIPTokenizer, fit: PictureFit = .crop, isOwn: Bool = false) throws {
        self.folder = try CLIPFolder(path: folder)
        _ = try ModelFolder(path: folder).elements()
        tokenizer = CLIPTokenizer.isThere(folder) ? try CLIPTokenizer(directory: folder) : base
        let text = self.folder.configuration.text
        let largest = Int(tokenizer.vocabulary.values.max() ?? 0)
        guard largest < text.vocabularySize, tokenizer.length <= text.positions else {
            throw EvaluationError(
                code: .model,
                message:
                    "\(folder): its text encoder knows \(text.vocabularySize) words and \(text.positions) positions, "
                    + "the tokenizer has ids up to \(largest) and \(tokenizer.length) positions; put the encoders' own "
                    + "vocab.json and merges.txt there")
        }
        var preprocessing = try ImagePreprocessing(clip: self.folder, fit: fit)
        preprocessing.keepsFirstResize = isOwn
        if isOwn { preprocessing.shortSide = preprocessing.side }
        self.preprocessing = preprocessing
    }

    package var configuration: CLIPConfiguration { folder.configuration }

    package func release() {
        loaded = nil
        Compute.releaseIdleBuffers()
    }

    private func clip() throws -> CLIPModel {
        if let loaded { return loaded }
        let model = try folder.load()
        loaded = model
        return model
    }

    /// Projected image vectors.
    package func vectors(_ images: [RGBImage]) throws -> [Float] {
        let clip = try clip()
        let side = preprocessing.side
        return withoutGradients {
            images.flatMap { image in
                clip.imageEmbeddings(Tensor(preprocessing.values(image), [1, side, side, 3])).values
            }
        }
    }

    /// Projected text vectors.
    package func vectors(texts: [String]) throws -> [Float]? {
        let clip = try clip()
        var known: [String: [Float]] = [:]
        return withoutGradients {
            texts.flatMap { text -> [Float] in
                if let vector = known[text] { return vector }
                let vector = clip.textEmbeddings(ids: [tokenizer.encode(text)]).values
                known[text] = vector
                return vector
            }
        }
    }

    /// The factor that the pair multiplies similarities with.
    package func similarityScale() throws -> Double { try clip().similarityScale }
}
