import CoreNets
import CoreTensor
import Foundation

/// A pair of CLIP encoders on disk: transformers' folder (`config.json`), or OpenCLIP's
/// (`open_clip_config.json` and its weights as safetensors).
package struct CLIPFolder {
    package let path: String
    package let configuration: CLIPConfiguration
    package let isOpenCLIP: Bool
    /// The values that pictures are normalised with, where OpenCLIP's configuration says them.
    package let preprocessing: OpenCLIPConfiguration.Preprocessing?

    /// Looks at the configuration alone.
    ///
    /// - Throws: `DiffusionError` for a folder without a configuration, or with one that is not known.
    package init(path: String) throws {
        let folder = try ModelFolder(path: path)
        let openCLIP = path + "/" + OpenCLIPConfiguration.name
        let isThere = FileManager.default.fileExists(atPath: openCLIP)
        // A folder with both configurations has both files: transformers' is the one named `model`.
        let isOpenCLIP =
            try isThere
            && (!FileManager.default.fileExists(atPath: folder.configurationPath)
                || folder.weightFiles().allSatisfy { $0.hasSuffix("/open_clip_model.safetensors") })
        self.path = path
        self.isOpenCLIP = isOpenCLIP
        if isOpenCLIP {
            let read = try OpenCLIPConfiguration(path: openCLIP)
            configuration = read.clip
            preprocessing = read.preprocessing
        } else {
            configuration = try CLIPConfiguration(path: folder.configurationPath)
            preprocessing = nil
        }
    }

    /// - Throws: `NetsError` for weights that are missing or do not fit, `TensorError` for a broken file.
    package func load() throws -> CLIPModel {
        let folder = try ModelFolder(path: path)
        let weights = try folder.open()
        let model = CLIPModel(configuration: configuration)
        guard isOpenCLIP else {
            try folder.load(weights, into: model, rename: CLIPModel.rename)
            return model
        }
        guard weights.count == 1 else {
            throw DiffusionError(
                code: .unreadable, message: "\(path): OpenCLIP's weights in \(weights.count) files, wanted one")
        }
        try model.load(OpenCLIPSource(pair: weights[0], label: path))
        return model
    }
}
