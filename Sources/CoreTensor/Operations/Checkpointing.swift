import CKernels

/// `body(inputs)`, of which only the inputs and the result are kept: the backward pass runs `body` a second
/// time for what lies between. Trades a third of a step's time for the memory of the activations.
///
/// Leaves that `body` reads by itself (weights, adapters) get their gradients as usual.
/// - Parameters:
///   - inputs: every recorded tensor that `body` reads.
///   - body: gives the same numbers each time.
/// - SeeAlso: Chen et al., “Training deep nets with sublinear memory cost”, arXiv:1604.06174.
package func checkpointed(_ inputs: [Tensor], _ body: @escaping ([Tensor]) -> Tensor) -> Tensor {
    guard ck_gradient_pause(0) == 0 else { return body(inputs) }
    let kept = inputs.map { (tensor: $0.detached(), isWanted: $0.requiresGradient) }
    func leaves() -> [Tensor] { kept.map { $0.tensor.ownLeaf(isWanted: $0.isWanted) } }
    // Recorded and dropped again: only the result tells whether anything in `body` is trained.
    let result = body(leaves())
    guard result.requiresGradient else { return result }
    return result.detached().recorded(
        by: Node(inputs: inputs) { gradient in
            let leaves = leaves()
            body(leaves).backward(seed: gradient)
            return leaves.map(\.gradient)
        })
}
