import CKernels
import Synchronization

/// One recorded operation: where its input gradients go and how to compute them.
///
/// Nodes are numbered as they are made, so descending numbers are a reverse topological order.
final class Node {
    /// Where the gradient of one input goes.
    enum Edge {
        case none
        case leaf(Tensor)
        case node(Node)
    }

    private static let counter = Atomic<Int>(0)

    let number: Int
    private(set) var edges: [Edge]
    private var backward: ((Tensor, Tensor?) -> [Tensor?])?
    /// Whether `backward` adds to the gradient that the first input has already.
    private let addsToFirst: Bool
    /// dL/d(result), summed over the uses seen so far.
    private var pending: Tensor?

    convenience init(inputs: [Tensor], backward: @escaping (Tensor) -> [Tensor?]) {
        self.init(inputs: inputs, addsToFirst: false) { gradient, _ in backward(gradient) }
    }

    /// An operation that adds to the gradient which other uses of its first input left.
    ///
    /// - Parameter adding: gets, beside dL/d(result), that gradient, to be changed at will, nil where there
    ///   is none; returns the sum in place of its own share.
    convenience init(inputs: [Tensor], adding: @escaping (Tensor, Tensor?) -> [Tensor?]) {
        self.init(inputs: inputs, addsToFirst: true, backward: adding)
    }

    private init(inputs: [Tensor], addsToFirst: Bool, backward: @escaping (Tensor, Tensor?) -> [Tensor?]) {
        number = Node.counter.add(1, ordering: .relaxed).newValue
        edges = inputs.map { input in
            if let node = input.node { return .node(node) }
            return input.requiresGradient ? .leaf(input) : .none
        }
        self.addsToFirst = addsToFirst
        self.backward = backward
    }

    /// The gradient so far, handed over if nobody else sees its buffer.
    private func takePending() -> Tensor? {
        guard pending != nil, isKnownUniquelyReferenced(&pending!), pending!.ownsStorage else { return nil }
        return pending.take()
    }

    /// Releases a long chain without recursion: a node that nobody else holds hands its edges to the loop.
    deinit {
        var waiting = takeParents()
        while var node = waiting.popLast() {
            if isKnownUniquelyReferenced(&node) { waiting.append(contentsOf: node.takeParents()) }
        }
    }

    /// The nodes of the edges, which are dropped here: the result holds the only references this node had.
    private func takeParents() -> [Node] {
        let parents = edges.compactMap { (edge) -> Node? in
            if case .node(let node) = edge { node } else { nil }
        }
        edges = []
        return parents
    }

    func accumulate(_ gradient: Tensor) {
        guard pending != nil else {
            pending = gradient
            return
        }
        // The buffer is changed in place only if nobody else sees it: operations may hand out one gradient
        // twice.
        if isKnownUniquelyReferenced(&pending!), pending!.ownsStorage {
            Elementwise.accumulate(gradient, into: pending!)
        } else {
            pending = add(pending!.detached(), gradient.detached())
        }
    }

    /// Computes and hands on the input gradients, then drops everything the operation kept.
    func run() {
        guard let backward else {
            preconditionFailure("backward() a second time through a graph that the first call released")
        }
        let targets = edges
        let seed = pending.take()
        self.backward = nil
        edges = []
        guard let seed else { return }
        var sum: Tensor?
        if addsToFirst, case .node(let first)? = targets.first { sum = first.takePending() }
        let gradients = backward(seed, sum)
        precondition(gradients.count == targets.count, "\(gradients.count) gradients for \(targets.count) inputs")
        for (gradient, target) in zip(gradients, targets) {
            guard let gradient else { continue }
            switch target {
            case .none: break
            case .node(let node): node.accumulate(gradient)
            case .leaf(let leaf): leaf.accumulateGradient(gradient)
            }
        }
    }
}

/// Nothing is recorded inside `body`, on this thread.
///
/// - Throws: what `body` throws.
package func withoutGradients<R>(_ body: () throws -> R) rethrows -> R {
    _ = ck_gradient_pause(1)
    defer { _ = ck_gradient_pause(-1) }
    return try body()
}

/// Whether an operation on these inputs must be recorded.
func records(_ inputs: Tensor?...) -> Bool {
    inputs.contains { $0?.requiresGradient == true } && ck_gradient_pause(0) == 0
}
