package import CoreNets
package import CoreTensor

/// linear, GELU by its tanh formula, linear, as diffusers' `FeedForward` with `gelu-approximate`.
package final class TransformerFeedForward: Module {
    let projectIn: ApproximateGELU
    let out: Linear

    package init(width: Int) {
        projectIn = ApproximateGELU(inputs: width, outputs: 4 * width)
        out = Linear(inputs: 4 * width, outputs: width)
    }

    package var className: String { "FeedForward" }
    /// `net.1` is a dropout without weights.
    package var children: [(name: String, module: any Module)] { [("net.0", projectIn), ("net.2", out)] }

    package func callAsFunction(_ x: Tensor) -> Tensor { out(projectIn(x)) }
}

/// A linear layer and GELU by its tanh formula.
package final class ApproximateGELU: Module {
    let proj: Linear

    package init(inputs: Int, outputs: Int) { proj = Linear(inputs: inputs, outputs: outputs) }

    package var className: String { "GELU" }
    package var children: [(name: String, module: any Module)] { [("proj", proj)] }

    package func callAsFunction(_ x: Tensor) -> Tensor { geluTanh(proj(x)) }
}
