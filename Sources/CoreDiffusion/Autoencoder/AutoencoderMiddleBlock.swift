package import CoreNets
package import CoreTensor

/// Residual block, attention, residual block, without time.
package final class AutoencoderMiddleBlock: Module {
    let attention: AutoencoderAttention?
    let resnets: [ResnetBlock2D]

    package init(width: Int, configuration: AutoencoderConfiguration) {
        attention =
            configuration.middleAttention ? AutoencoderAttention(width: width, groups: configuration.normGroups) : nil
        resnets = (0..<2).map { _ in
            ResnetBlock2D(
                inputs: width, outputs: width, timeWidth: nil, groups: configuration.normGroups, epsilon: 1e-6)
        }
    }

    package var className: String { "UNetMidBlock2D" }
    package var children: [(name: String, module: any Module)] {
        (attention.map { [("attentions.0", $0)] } ?? []) + [("resnets.0", resnets[0]), ("resnets.1", resnets[1])]
    }

    package func callAsFunction(_ x: Tensor) -> Tensor {
        let h = resnets[0](x)
        return resnets[1](attention.map { $0(h) } ?? h)
    }
}
