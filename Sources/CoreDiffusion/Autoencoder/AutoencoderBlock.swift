package import CoreNets
package import CoreTensor

/// One level of the encoder (`DownEncoderBlock2D`) or of the decoder (`UpDecoderBlock2D`).
package final class AutoencoderBlock: Module {
    let resnets: [ResnetBlock2D]
    let downsampler: Downsample2D?
    let upsampler: Upsample2D?
    package let className: String

    /// - Parameter last: the last level keeps its size.
    package init(encoding inputs: Int, _ outputs: Int, last: Bool, configuration: AutoencoderConfiguration) {
        className = "DownEncoderBlock2D"
        resnets = Self.resnets(inputs, outputs, count: configuration.layersPerBlock, configuration)
        downsampler =
            last ? nil : Downsample2D(channels: outputs, padding: Padding(top: 0, left: 0, bottom: 1, right: 1))
        upsampler = nil
    }

    /// - Parameter last: the last level keeps its size.
    package init(decoding inputs: Int, _ outputs: Int, last: Bool, configuration: AutoencoderConfiguration) {
        className = "UpDecoderBlock2D"
        resnets = Self.resnets(inputs, outputs, count: configuration.layersPerBlock + 1, configuration)
        downsampler = nil
        upsampler = last ? nil : Upsample2D(channels: outputs)
    }

    package var children: [(name: String, module: any Module)] {
        resnets.enumerated().map { ("resnets.\($0)", $1) } + (downsampler.map { [("downsamplers.0", $0)] } ?? [])
            + (upsampler.map { [("upsamplers.0", $0)] } ?? [])
    }

    /// - Parameter x: `[N, H, W, C]`; consumed, as the residual blocks do.
    package func callAsFunction(_ x: consuming Tensor) -> Tensor {
        var h = consume x
        for resnet in resnets { h = resnet(consume h) }
        if let downsampler { return downsampler(h) }
        if let upsampler { return upsampler(h) }
        return h
    }

    private static func resnets(
        _ inputs: Int, _ outputs: Int, count: Int, _ configuration: AutoencoderConfiguration
    ) -> [ResnetBlock2D] {
        (0..<count).map { j in
            ResnetBlock2D(
                inputs: j == 0 ? inputs : outputs, outputs: outputs, timeWidth: nil, groups: configuration.normGroups,
                epsilon: 1e-6)
        }
    }
}
