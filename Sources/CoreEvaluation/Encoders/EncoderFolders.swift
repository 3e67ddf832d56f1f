package import CoreDiffusion
import Foundation

/// Where the encoders lie that images are measured with: the base's own pair, and one that the job names.
package struct EncoderFolders: Equatable, Sendable {
    /// `clip/` in the base's folder, or beside a base in one file.
    package let own: String?
    package let named: String?

    /// What rows of the named encoders' metrics end with.
    package static let namedSuffix = "@clip"

    /// - Parameter named: a CLIPModel's folder; nil for the base's own.
    /// - Throws: `EvaluationError` with `model` where there is neither, or the named folder is not there.
    package init(base: String, named: String?) throws {
        let isFile = try DiffusionPipeline.isSingleFile(base)
        let folder = (isFile ? URL(fileURLWithPath: base).deletingLastPathComponent().path : base) + "/clip"
        own = FileManager.default.fileExists(atPath: folder) ? folder : nil
        self.named = named
        if let named, !FileManager.default.fileExists(atPath: named) {
            throw EvaluationError(code: .model, message: "evaluate.clip: nothing at \(named); correct the path")
        }
        guard own != nil || named != nil else {
            throw EvaluationError(
                code: .model,
                message:
                    "\(base) has no encoders to measure images with (no clip/ in it), as bases from the hubs have none: "
                    + "get a CLIPModel folder (openai/clip-vit-large-patch14 fits every base: config.json, "
                    + "model.safetensors, tokenizer files) and name it, evaluate: {clip: DIR}; or leave out 'evaluate'")
        }
    }

    /// Each pair with what its metrics' names end with. Plain names, which rankings use, are the base's own
    /// encoders'; the named ones' where it has none.
    var sets: [(folder: String, suffixes: [String])] {
        switch (own, named) {
        case (let own?, let named?): [(own, [""]), (named, [Self.namedSuffix])]
        case (let own?, nil): [(own, [""])]
        case (nil, let named?): [(named, ["", Self.namedSuffix])]
        case (nil, nil): []
        }
    }

    /// Looks at configurations, weights' headers and tokenizers, without loading any weight.
    ///
    /// - Parameter tokenizer: the base's, for encoders without one of their own.
    /// - Throws: what loading them would throw, and `EvaluationError` for a tokenizer that does not fit.
    package func check(tokenizer: CLIPTokenizer) throws {
        for (folder, _) in sets { _ = try ImageEncoders(folder: folder, tokenizer: tokenizer) }
    }

    /// Bytes of the largest pair in memory, from the weights' headers.
    ///
    /// - Throws: `DiffusionError` without weights, `TensorError` for a broken file.
    package func weightBytes() throws -> Int64 {
        try sets.map { try ModelFolder(path: $0.folder).elements() * 4 }.max() ?? 0
    }
}
