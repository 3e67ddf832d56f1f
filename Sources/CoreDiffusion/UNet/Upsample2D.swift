package import CoreNets
package import CoreTensor

/// Enlarges by repeating the nearest pixel, then convolves.
package final class Upsample2D: Module {
    let conv: Conv2d

    package init(channels: Int) {
        conv = Conv2d(inputs: channels, outputs: channels, kernel: 3, padding: Padding(1))
    }

    package var className: String { "Upsample2D" }
    package var children: [(name: String, module: any Module)] { [("conv", conv)] }

    /// - Parameter size: height and width to reach; twice the input's if nil.
    package func callAsFunction(_ x: Tensor, size: (height: Int, width: Int)? = nil) -> Tensor {
        let target = size ?? (2 * x.shape[1], 2 * x.shape[2])
        return conv(upsampleNearest(x, height: target.height, width: target.width))
    }
}
