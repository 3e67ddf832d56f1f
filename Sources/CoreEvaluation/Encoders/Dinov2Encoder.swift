package import CoreDiffusion
import CoreTensor
package import ImageFiles
package import RunSpec

/// DINOv2's class vectors of images.
package final class Dinov2Encoder: ImageEncoder {
    private let folder: String
    package let configuration: Dinov2Configuration
    private let preprocessing: ImagePreprocessing
    private var loaded: Dinov2Model?

    /// Looks at configuration and weights' header; weights are loaded when they are needed.
    ///
    /// - Throws: `EvaluationError` or `DiffusionError` for an encoder that cannot be used.
    package init(folder: String, fit: PictureFit = .crop) throws {
        let model = try ModelFolder(path: folder)
        configuration = try Dinov2Configuration(path: model.configurationPath)
        _ = try model.elements()
        preprocessing = try ImagePreprocessing(dinov2: folder, fit: fit)
        self.folder = folder
        guard preprocessing.side >= configuration.patchSize, configuration.channels == 3 else {
            throw EvaluationError(
                code: .model,
                message:
                    "\(folder): pictures of \(preprocessing.side) pixels are smaller than its patches of "
                    + "\(configuration.patchSize); correct crop_size in preprocessor_config.json")
        }
    }

    package func release() {
        loaded = nil
        Compute.releaseIdleBuffers()
    }

    package func vectors(_ images: [RGBImage]) throws -> [Float] {
        let model = try loaded ?? DiffusionPipeline.loadDinov2(folder)
        loaded = model
        let side = preprocessing.side
        return withoutGradients {
            images.flatMap { model(Tensor(preprocessing.values($0), [1, side, side, 3])).values }
        }
    }

    package func vectors(texts: [String]) -> [Float]? { nil }
}
