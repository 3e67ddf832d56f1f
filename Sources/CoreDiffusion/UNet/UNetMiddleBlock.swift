package import CoreNets
package import CoreTensor

/// The innermost part of the U-Net: residual block, transformer, residual block.
package final class UNetMiddleBlock: Module {
    let attention: Transformer2DModel
    let resnets: [ResnetBlock2D]

    package init(_ configuration: UNetConfiguration) {
        let level = configuration.levels - 1
        let width = configuration.blockOutChannels[level]
        attention = Transformer2DModel(configuration, level: level)
        resnets = (0..<2).map { _ in
            ResnetBlock2D(
                inputs: width, outputs: width, timeWidth: configuration.timeWidth, groups: configuration.normGroups,
                epsilon: Float(configuration.normEpsilon))
        }
    }

    package var className: String { "UNetMidBlock2DCrossAttn" }
    package var children: [(name: String, module: any Module)] {
        [("attentions.0", attention), ("resnets.0", resnets[0]), ("resnets.1", resnets[1])]
    }

    package func callAsFunction(_ x: Tensor, _ conditions: UNetConditions) -> Tensor {
        let h = conditions.apply(attention, conditions.apply(resnets[0], x))
        return conditions.apply(resnets[1], h)
    }
}
