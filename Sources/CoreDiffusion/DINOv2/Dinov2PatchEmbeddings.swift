package import CoreNets
import CoreTensor

/// One vector for each square patch of an image.
package final class Dinov2PatchEmbeddings: Module {
    let projection: Conv2d

    package init(_ configuration: Dinov2Configuration) {
        projection = Conv2d(
            inputs: configuration.channels, outputs: configuration.width, kernel: configuration.patchSize,
            stride: configuration.patchSize, padding: Padding(0))
    }

    package var className: String { "Dinov2PatchEmbeddings" }
    package var children: [(name: String, module: any Module)] { [("projection", projection)] }
}
