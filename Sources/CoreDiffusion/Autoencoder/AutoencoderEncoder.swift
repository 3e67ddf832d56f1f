package import CoreNets
package import CoreTensor

/// Pixels to the parameters of the latent's distribution.
package final class AutoencoderEncoder: Module {
    let convIn: Conv2d
    let blocks: [AutoencoderBlock]
    let middle: AutoencoderMiddleBlock
    let normOut: GroupNorm
    let convOut: Conv2d

    package init(_ configuration: AutoencoderConfiguration) {
        let widths = configuration.blockOutChannels
        let last = widths.count - 1
        convIn = Conv2d(inputs: configuration.inChannels, outputs: widths[0], kernel: 3, padding: Padding(1))
        blocks = widths.indices.map {
            AutoencoderBlock(
                encoding: widths[max(0, $0 - 1)], widths[$0], last: $0 == last, configuration: configuration)
        }
        middle = AutoencoderMiddleBlock(width: widths[last], configuration: configuration)
        normOut = GroupNorm(groups: configuration.normGroups, channels: widths[last], epsilon: 1e-6)
        convOut = Conv2d(
            inputs: widths[last], outputs: 2 * configuration.latentChannels, kernel: 3, padding: Padding(1))
    }

    package var className: String { "Encoder" }
    package var children: [(name: String, module: any Module)] {
        [("conv_in", convIn)] + blocks.enumerated().map { ("down_blocks.\($0)", $1) }
            + [("mid_block", middle), ("conv_norm_out", normOut), ("conv_out", convOut)]
    }

    /// - Parameters:
    ///   - x: `[N, H, W, 3]`.
    ///   - observe: gets the activations after `conv_in` and after each level: a style distance compares
    ///     them.
    package func callAsFunction(_ x: Tensor, observe: ((Tensor) -> Void)? = nil) -> Tensor {
        var h = convIn(x)
        observe?(h)
        for block in blocks {
            AutoencoderKL.releaseIdleBuffers(beside: h)
            h = block(consume h)
            observe?(h)
        }
        return convOut(normOut(middle(h), activation: .silu))
    }
}
