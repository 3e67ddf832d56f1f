/// An f32 array, contiguous and row-major; images are `[N, H, W, C]`.
///
/// Operations are free functions (`matmul`, `conv2d`, …). One whose input requires a gradient records a
/// `Node`, and `backward()` on the final scalar walks those nodes. Not `Sendable`: a graph lives on one
/// thread, while kernels share their loops among the threads of `Compute`.
package final class Tensor {
    package let shape: [Int]
    private(set) var storage: Storage
    /// The operation that made this tensor, if it was recorded.
    private(set) var node: Node?
    private var isTrainable = false
    /// Whether a leaf belongs to one graph, whose thread alone sees its gradient.
    private(set) var isOwn = false
    /// dL/dself of a leaf, summed over calls of `backward`; `nil` until the first. The optimiser resets it.
    package var gradient: Tensor?
    /// How backward passes get the numbers where they are not kept for them.
    private(set) var recomputed: Recomputed?

    package var count: Int { shape.product }

    /// Whether operations on this tensor are recorded. Settable on leaves only.
    package var requiresGradient: Bool {
        get { isTrainable || node != nil }
        set {
            precondition(node == nil, "the result of a recorded operation \(shape) is no leaf; detach it first")
            isTrainable = newValue
        }
    }

    /// Contents are whatever the buffer held before.
    package convenience init(uninitialized shape: [Int]) {
        self.init(shape: shape, storage: Storage(count: shape.product))
    }

    /// - Precondition: `values` has as many elements as `shape`.
    package convenience init(_ values: [Float], _ shape: [Int]) {
        precondition(values.count == shape.product, "\(values.count) values for shape \(shape)")
        self.init(uninitialized: shape)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { storage.base.update(from: base, count: source.count) }
        }
    }

    init(shape: [Int], storage: Storage) {
        self.shape = shape
        self.storage = storage
    }

    /// A tensor with one number everywhere.
    package static func filled(_ value: Float, _ shape: [Int]) -> Tensor {
        let result = Tensor(uninitialized: shape)
        result.storage.base.update(repeating: value, count: result.count)
        return result
    }

    /// A tensor of zeros.
    package static func zeros(_ shape: [Int]) -> Tensor { filled(0, shape) }

    /// Shape `[]`.
    package static func scalar(_ value: Float) -> Tensor { filled(value, []) }

    /// The same numbers without history; shares storage.
    package func detached() -> Tensor { Tensor(shape: shape, storage: storage) }

    /// The same numbers as a leaf of one graph of its own, with no gradient yet.
    package func ownLeaf(isWanted: Bool = true) -> Tensor {
        let leaf = detached()
        (leaf.isTrainable, leaf.isOwn) = (isWanted, true)
        return leaf
    }

    /// Whether no other tensor shares the storage.
    var ownsStorage: Bool { isKnownUniquelyReferenced(&storage) }

    /// Marks self as the result of a recorded operation.
    ///
    /// - Parameter recomputed: in place of the numbers, for the backward passes of what reads them.
    func recorded(by node: Node, recomputed: Recomputed? = nil) -> Tensor {
        self.node = node
        self.recomputed = recomputed
        return self
    }
}

extension [Int] {
    var product: Int { reduce(1, *) }
}
