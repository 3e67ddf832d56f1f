package import CoreNets
package import CoreTensor

/// Latents to pixels.
package final class AutoencoderDecoder: Module {
    let convIn: Conv2d
    let middle: AutoencoderMiddleBlock
    let blocks: [AutoencoderBlock]
    let normOut: GroupNorm
    let convOut: Conv2d

    package init(_ configuration: AutoencoderConfiguration) {
        let widths = Array(configuration.blockOutChannels.reversed())
        let last = widths.count - 1
        convIn = Conv2d(inputs: configuration.latentChannels, outputs: widths[0], kernel: 3, padding: Padding(1))
        middle = AutoencoderMiddleBlock(width: widths[0], configuration: configuration)
        blocks = widths.indices.map {
            AutoencoderBlock(
                decoding: widths[max(0, $0 - 1)], widths[$0], last: $0 == last, configuration: configuration)
        }
        normOut = GroupNorm(groups: configuration.normGroups, channels: widths[last], epsilon: 1e-6)
        convOut = Conv2d(inputs: widths[last], outputs: configuration.outChannels, kernel: 3, padding: Padding(1))
    }

    package var className: String { "Decoder" }
    package var children: [(name: String, module: any Module)] {
        [("conv_in", convIn)] + blocks.enumerated().map { ("up_blocks.\($0)", $1) }
            + [("mid_block", middle), ("conv_norm_out", normOut), ("conv_out", convOut)]
    }

    /// - Parameter z: `[N, h, w, L]`.
    package func callAsFunction(_ z: Tensor) -> Tensor {
        var h = middle(convIn(z))
        for block in blocks {
            AutoencoderKL.releaseIdleBuffers(beside: h)
            h = block(consume h)
        }
        AutoencoderKL.releaseIdleBuffers(beside: h)
        return convOut(normOut(h, activation: .silu))
    }
}
