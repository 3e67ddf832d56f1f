package import CoreNets
package import CoreTensor

/// One level on the way up: `CrossAttnUpBlock2D`, or `UpBlock2D` without attention.
package final class UNetUpBlock: Module {
    let attentions: [Transformer2DModel]
    let resnets: [ResnetBlock2D]
    /// Absent at the outermost level.
    let upsampler: Upsample2D?

    /// - Parameter index: counts from the innermost level.
    package init(_ configuration: UNetConfiguration, index: Int) {
        let widths = Array(configuration.blockOutChannels.reversed())
        let level = configuration.levels - 1 - index
        let (width, layers) = (widths[index], configuration.layersPerBlock[level] + 1)
        resnets = (0..<layers).map { j in
            let current = j == 0 ? widths[max(0, index - 1)] : width
            let skip = j == layers - 1 ? widths[min(index + 1, widths.count - 1)] : width
            return ResnetBlock2D(
                inputs: current + skip, outputs: width, timeWidth: configuration.timeWidth,
                groups: configuration.normGroups, epsilon: Float(configuration.normEpsilon))
        }
        attentions =
            configuration.upAttention[index]
            ? (0..<layers).map { _ in Transformer2DModel(configuration, level: level) } : []
        upsampler = level > 0 ? Upsample2D(channels: width) : nil
    }

    package var className: String { attentions.isEmpty ? "UpBlock2D" : "CrossAttnUpBlock2D" }
    package var children: [(name: String, module: any Module)] {
        attentions.enumerated().map { ("attentions.\($0)", $1) } + resnets.enumerated().map { ("resnets.\($0)", $1) }
            + (upsampler.map { [("upsamplers.0", $0)] } ?? [])
    }

    /// - Parameter skips: loses one tensor for each residual block, last in first out.
    package func callAsFunction(_ x: Tensor, _ conditions: UNetConditions, skips: inout [Tensor]) -> Tensor {
        var h = x
        for (j, resnet) in resnets.enumerated() {
            h = conditions.apply(resnet, h, beside: skips.removeLast())
            if !attentions.isEmpty { h = conditions.apply(attentions[j], h) }
        }
        // The next skip's size, not twice the own one: they differ where halving had rounded up.
        if let upsampler, let next = skips.last { h = upsampler(h, size: (next.shape[1], next.shape[2])) }
        return h
    }
}
