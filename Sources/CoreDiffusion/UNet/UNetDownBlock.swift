package import CoreNets
package import CoreTensor

/// One level on the way down: `CrossAttnDownBlock2D`, or `DownBlock2D` without attention.
package final class UNetDownBlock: Module {
    let attentions: [Transformer2DModel]
    let resnets: [ResnetBlock2D]
    /// Absent at the innermost level.
    let downsampler: Downsample2D?

    package init(_ configuration: UNetConfiguration, level: Int) {
        let width = configuration.blockOutChannels[level]
        let first = configuration.blockOutChannels[max(0, level - 1)]
        let layers = configuration.layersPerBlock[level]
        resnets = (0..<layers).map { j in
            ResnetBlock2D(
                inputs: j == 0 ? first : width, outputs: width, timeWidth: configuration.timeWidth,
                groups: configuration.normGroups, epsilon: Float(configuration.normEpsilon))
        }
        attentions =
            configuration.downAttention[level]
            ? (0..<layers).map { _ in Transformer2DModel(configuration, level: level) } : []
        downsampler =
            level < configuration.levels - 1 ? Downsample2D(channels: width, padding: Padding(1)) : nil
    }

    package var className: String { attentions.isEmpty ? "DownBlock2D" : "CrossAttnDownBlock2D" }
    package var children: [(name: String, module: any Module)] {
        attentions.enumerated().map { ("attentions.\($0)", $1) } + resnets.enumerated().map { ("resnets.\($0)", $1) }
            + (downsampler.map { [("downsamplers.0", $0)] } ?? [])
    }

    /// - Parameter skips: gets every intermediate result, for the way up.
    package func callAsFunction(_ x: Tensor, _ conditions: UNetConditions, skips: inout [Tensor]) -> Tensor {
        var h = x
        for (j, resnet) in resnets.enumerated() {
            h = conditions.apply(resnet, h)
            if !attentions.isEmpty { h = conditions.apply(attentions[j], h) }
            skips.append(h)
        }
        if let downsampler {
            h = downsampler(h)
            skips.append(h)
        }
        return h
    }
}
