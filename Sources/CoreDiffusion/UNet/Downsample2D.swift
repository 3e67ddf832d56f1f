package import CoreNets
package import CoreTensor

/// Halves height and width by a convolution of stride 2.
package final class Downsample2D: Module {
    let conv: Conv2d

    /// - Parameter padding: the U-Net pads 1 on all sides, the autoencoder only at the bottom and on the
    ///   right.
    package init(channels: Int, padding: Padding) {
        conv = Conv2d(inputs: channels, outputs: channels, kernel: 3, stride: 2, padding: padding)
    }

    package var className: String { "Downsample2D" }
    package var children: [(name: String, module: any Module)] { [("conv", conv)] }

    package func callAsFunction(_ x: Tensor) -> Tensor { conv(x) }
}
