package import CoreNets
package import CoreTensor

/// Transformer blocks over the pixels of an image, beside a residual.
package final class Transformer2DModel: Module {
    let norm: GroupNorm
    let projectIn: Projection
    let blocks: [BasicTransformerBlock]
    let projectOut: Projection

    /// A matrix product per pixel; old models store it as a 1×1 convolution, newer ones as a linear layer.
    enum Projection {
        case convolution(Conv2d)
        case linear(Linear)

        init(width: Int, isLinear: Bool) {
            self =
                isLinear
                ? .linear(Linear(inputs: width, outputs: width))
                : .convolution(Conv2d(inputs: width, outputs: width, kernel: 1, padding: Padding(0)))
        }

        var module: any Module {
            switch self {
            case .convolution(let layer): layer
            case .linear(let layer): layer
            }
        }

        func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
            switch self {
            case .convolution(let layer): layer(x, adding: residual)
            case .linear(let layer): layer(x, adding: residual)
            }
        }
    }

    package init(width: Int, contextWidth: Int, heads: Int, layers: Int, linearProjection: Bool, groups: Int) {
        // Not the network's norm_eps: diffusers fixes 1e-6 here.
        norm = GroupNorm(groups: groups, channels: width, epsilon: 1e-6)
        projectIn = Projection(width: width, isLinear: linearProjection)
        blocks = (0..<layers).map { _ in
            BasicTransformerBlock(width: width, contextWidth: contextWidth, heads: heads)
        }
        projectOut = Projection(width: width, isLinear: linearProjection)
    }

    package var className: String { "Transformer2DModel" }
    package var children: [(name: String, module: any Module)] {
        [("norm", norm), ("proj_in", projectIn.module)]
            + blocks.enumerated().map { ("transformer_blocks.\($0)", $1) } + [("proj_out", projectOut.module)]
    }

    /// - Parameters:
    ///   - x: `[N, H, W, C]`.
    ///   - context: `[N, S, D]`.
    package func callAsFunction(_ x: Tensor, context: Tensor, cache: ContextCache? = nil) -> Tensor {
        let (shape, pixels) = (x.shape, x.shape[1] * x.shape[2])
        var h = projectIn(norm(x)).reshaped([shape[0], pixels, shape[3]])
        for block in blocks { h = block(h, context: context, cache: cache) }
        return projectOut(h.reshaped(shape), adding: x)
    }
}
