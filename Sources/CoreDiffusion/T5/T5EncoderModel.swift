package import CoreNets
package import CoreTensor

/// T5's encoder, which reads the prompt for Flux.1 and Stable Diffusion 3, as transformers' class of the same
/// name.
package final class T5EncoderModel: Module {
    package let configuration: T5Configuration
    let words: Embedding
    let encoder: T5Stack

    /// The weights are undefined until `load` or `initialize`.
    package init(configuration: T5Configuration) {
        self.configuration = configuration
        words = Embedding(count: configuration.vocabularySize, channels: configuration.width)
        encoder = T5Stack(configuration)
    }

    package var className: String { "T5EncoderModel" }
    package var children: [(name: String, module: any Module)] { [("shared", words), ("encoder", encoder)] }

    /// - Parameter ids: rows of equal length. Padding is read like words, as Flux and Stable Diffusion do.
    /// - Returns: `[B, T, C]`.
    package func callAsFunction(_ ids: [[Int32]]) -> Tensor {
        let length = ids.first?.count ?? 0
        precondition(ids.allSatisfy { $0.count == length }, "prompts of different lengths")
        let states = words(ids.flatMap { $0 }).reshaped([ids.count, length, configuration.width])
        return encoder(states)
    }
}

/// The blocks and the norm behind them.
package final class T5Stack: Module {
    let blocks: [T5Block]
    let norm: RMSNorm

    package init(_ configuration: T5Configuration) {
        blocks = (0..<configuration.layers).map { T5Block(configuration, first: $0 == 0) }
        norm = RMSNorm(
            channels: configuration.width, epsilon: Float(configuration.normEpsilon), className: "T5LayerNorm")
    }

    package var className: String { "T5Stack" }
    package var children: [(name: String, module: any Module)] {
        blocks.enumerated().map { ("block.\($0)", $1) } + [("final_layer_norm", norm)]
    }

    package func callAsFunction(_ states: Tensor) -> Tensor {
        // The first block's table of distances is every block's.
        let bias = blocks.first?.attention.attention.distanceBias(length: states.shape[1]) ?? []
        var h = states
        for block in blocks { h = block(h, bias: bias) }
        return norm(h)
    }
}

/// Self-attention and a feed-forward layer, each behind a norm and beside a residual.
package final class T5Block: Module {
    let attention: T5LayerSelfAttention
    let feedForward: T5LayerFF

    package init(_ configuration: T5Configuration, first: Bool) {
        attention = T5LayerSelfAttention(configuration, first: first)
        feedForward = T5LayerFF(configuration)
    }

    package var className: String { "T5Block" }
    package var children: [(name: String, module: any Module)] { [("layer.0", attention), ("layer.1", feedForward)] }

    package func callAsFunction(_ x: Tensor, bias: [Tensor]) -> Tensor { feedForward(attention(x, bias: bias)) }
}

package final class T5LayerSelfAttention: Module {
    let attention: T5Attention
    let norm: RMSNorm

    package init(_ configuration: T5Configuration, first: Bool) {
        attention = T5Attention(configuration, first: first)
        norm = RMSNorm(
            channels: configuration.width, epsilon: Float(configuration.normEpsilon), className: "T5LayerNorm")
    }

    package var className: String { "T5LayerSelfAttention" }
    package var children: [(name: String, module: any Module)] {
        [("SelfAttention", attention), ("layer_norm", norm)]
    }

    package func callAsFunction(_ x: Tensor, bias: [Tensor]) -> Tensor {
        attention(norm(x), bias: bias, adding: x)
    }
}

package final class T5LayerFF: Module {
    let dense: T5Dense
    let norm: RMSNorm

    package init(_ configuration: T5Configuration) {
        dense = T5Dense(configuration)
        norm = RMSNorm(
            channels: configuration.width, epsilon: Float(configuration.normEpsilon), className: "T5LayerNorm")
    }

    package var className: String { "T5LayerFF" }
    package var children: [(name: String, module: any Module)] { [("DenseReluDense", dense), ("layer_norm", norm)] }

    package func callAsFunction(_ x: Tensor) -> Tensor { dense(norm(x), adding: x) }
}

/// The feed-forward layer; gated in the models that came after the first.
package final class T5Dense: Module {
    let activation: T5Configuration.Activation
    let projectIn, out: Linear
    let gate: Linear?

    package init(_ configuration: T5Configuration) {
        activation = configuration.activation
        projectIn = Linear(inputs: configuration.width, outputs: configuration.innerWidth, bias: false)
        gate =
            activation.isGated
            ? Linear(inputs: configuration.width, outputs: configuration.innerWidth, bias: false) : nil
        out = Linear(inputs: configuration.innerWidth, outputs: configuration.width, bias: false)
    }

    package var className: String { activation.isGated ? "T5DenseGatedActDense" : "T5DenseActDense" }
    package var children: [(name: String, module: any Module)] {
        (gate.map { [("wi_0", projectIn), ("wi_1", $0)] } ?? [("wi", projectIn)]) + [("wo", out)]
    }

    package func callAsFunction(_ x: Tensor, adding residual: Tensor) -> Tensor {
        let h = projectIn(x)
        let active =
            switch activation {
            case .relu: relu(h)
            case .gelu: gelu(h)
            case .gatedGELU: geluTanh(h)
            case .gatedSiLU: silu(h)
            }
        return out(gate.map { multiply(active, $0(x)) } ?? active, adding: residual)
    }
}
