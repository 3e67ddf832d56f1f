package import CoreNets
package import CoreTensor

/// The transformer block's wide part: GEGLU to four times the width, and back.
package final class FeedForward: Module {
    let gated: GEGLU
    let out: Linear

    package init(width: Int) {
        gated = GEGLU(inputs: width, outputs: 4 * width)
        out = Linear(inputs: 4 * width, outputs: width)
    }

    package var className: String { "FeedForward" }
    /// `net.1` is a dropout without weights.
    package var children: [(name: String, module: any Module)] { [("net.0", gated), ("net.2", out)] }

    package func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        out(gated(x), adding: residual)
    }
}
