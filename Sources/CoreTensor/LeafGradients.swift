import CKernels

/// The gradients that one thread finds for leaves which graphs on other threads read too.
final class LeafGradients {
    private var places: [ObjectIdentifier: Int] = [:]
    private var found: [(leaf: Tensor, sum: Tensor)] = []

    /// Where this thread's backward passes leave the gradients of leaves; nil: with the leaves.
    static var current: LeafGradients? {
        ck_leaf_gradients().map { Unmanaged<LeafGradients>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Runs `body`, whose backward passes leave leaf gradients here.
    func collect(_ body: () -> Void) {
        let before = ck_leaf_gradients_set(Unmanaged.passUnretained(self).toOpaque())
        defer { _ = ck_leaf_gradients_set(before) }
        body()
    }

    func add(_ gradient: Tensor, to leaf: Tensor) {
        if let place = places[ObjectIdentifier(leaf)] {
            Elementwise.accumulate(gradient, into: found[place].sum)
        } else {
            places[ObjectIdentifier(leaf)] = found.count
            // A copy, as leaves keep one: the operation may hand out one buffer twice.
            found.append((leaf, gradient.copied()))
        }
    }

    /// Adds what was found to the leaves' gradients.
    func handOver() {
        for (leaf, sum) in found { leaf.accumulateGradient(sum) }
        (places, found) = ([:], [])
    }
}
