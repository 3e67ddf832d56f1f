import CKernels

extension Tensor {
    /// Adds dself/dleaf to `gradient` of every leaf that requires one, and releases the graph on the way.
    ///
    /// - Precondition: one element.
    package func backward() {
        precondition(count == 1, "backward() of shape \(shape) needs a seed")
        backward(seed: .filled(1, shape))
    }

    /// The same for dL/dself = `seed`, of this tensor's shape.
    package func backward(seed: Tensor) {
        precondition(seed.shape == shape, "seed \(seed.shape) for a tensor \(shape)")
        guard let root = node else {
            if requiresGradient { accumulateGradient(seed) }
            return
        }
        var order = Tensor.reachable(from: root)
        root.accumulate(seed.detached())
        while let next = order.popLast() { next.run() }
    }

    /// A user-defined differentiable operation: `backward` gets dL/doutput and returns dL/dinput for each
    /// input, `nil` where none is needed. `output` must not share storage with a recorded tensor that is
    /// changed later.
    package static func custom(
        _ output: Tensor, inputs: [Tensor], backward: @escaping (Tensor) -> [Tensor?]
    ) -> Tensor {
        guard inputs.contains(where: \.requiresGradient), ck_gradient_pause(0) == 0 else { return output }
        let result = output.node == nil ? output : output.detached()
        return result.recorded(
            by: Node(inputs: inputs) { gradient in OperationTimes.measure(.adapter) { backward(gradient) } })
    }

    /// Every node below `root`, by ascending number.
    private static func reachable(from root: Node) -> [Node] {
        var found: [Node] = [root]
        var seen: Set<Int> = [root.number]
        var next = 0
        while next < found.count {
            for case .node(let node) in found[next].edges where seen.insert(node.number).inserted { found.append(node) }
            next += 1
        }
        return found.sorted { $0.number < $1.number }
    }

    func accumulateGradient(_ addition: Tensor) {
        precondition(addition.shape == shape, "a gradient \(addition.shape) for a tensor \(shape)")
        if !isOwn, let found = LeafGradients.current { return found.add(addition, to: self) }
        guard let old = gradient else {
            // A copy: later in-place changes (clipping) must not reach another tensor's gradient.
            gradient = addition.copied()
            return
        }
        old.storage.version += 1
        Elementwise.accumulate(addition, into: old)
    }

    func copied() -> Tensor {
        let result = Tensor(uninitialized: shape)
        OperationTimes.measure(.elementwise) { result.pointer.update(from: pointer, count: count) }
        return result
    }
}
