package import CoreNets
package import CoreTensor

/// value · gelu(gate), both from one linear layer (Shazeer, arXiv:2002.05202).
package final class GEGLU: Module {
    let proj: Linear

    package init(inputs: Int, outputs: Int) {
        proj = Linear(inputs: inputs, outputs: 2 * outputs)
    }

    package var className: String { "GEGLU" }
    package var children: [(name: String, module: any Module)] { [("proj", proj)] }

    package func callAsFunction(_ x: Tensor) -> Tensor { geglu(proj(x)) }
}
