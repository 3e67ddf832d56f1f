import CKernels
import Synchronization

/// Products in f32 with frozen weights through AMX (split.h), the weights packed once.
///
/// Whether a product goes this way depends on its weight alone, never on its rows, so that a sample alone gets
/// the bits that it gets in a batch.
struct SplitProduct {
    let rows, columns, depth: Int
    let packed: PackedWeight

    /// Numbers of a weight up to which it is worth three more copies of bf16 each way.
    private static let largest = 1 << 18

    private static let isAvailable = ck_split_has() != 0

    /// x · weight, or x · weightᵀ; nil where such products have no kernel.
    ///
    /// - Parameter weight: `[out, in]`, frozen.
    init?(rows: Int, weight: Tensor, transposed: Bool) {
        guard Self.isAvailable, rows > 0, weight.shape.count == 2, weight.count > 0,
            weight.count <= Self.largest
        else { return nil }
        self.rows = rows
        (columns, depth) =
            transposed ? (weight.shape[0], weight.shape[1]) : (weight.shape[1], weight.shape[0])
        packed = PackedWeight.of(weight, transposed: transposed)
    }

    /// Low-rank terms: ranks = a · left is kept, ranks · right is added.
    struct LowRank {
        let rank: Int
        /// `depth` × `rank`
        let left: Product.Matrix
        /// `[rank, columns]`
        let right: Tensor
        /// `[rows, rank]`
        let ranks: Tensor
    }

    func run(
        _ a: Product.Matrix, into c: Product.Matrix, add: UnsafeMutablePointer<Float>? = nil,
        bias: UnsafeMutablePointer<Float>? = nil, lowRank: LowRank? = nil
    ) {
        let rank = lowRank?.rank ?? 0
        let operations = 2 * rows * (columns * depth + rank * (columns + depth))
        OperationTimes.measure(.product, operations: operations) {
            let left = lowRank.map { PackedWeight($0.left, columns: rank, depth: depth) }
            let product = CKSplitProduct(
                columns: columns, depth: depth, rank: rank, a: a.base, aStride: a.stride, b: packed.numbers,
                left: left?.numbers, right: lowRank?.right.pointer, rightStride: columns,
                ranks: lowRank?.ranks.pointer, c: c.base, cStride: c.stride, add: add, bias: bias)
            // A few rows are shared by their columns.
            let (tiles, threads) = ((rows + 31) / 32, Compute.threads)
            let block =
                tiles >= threads ? roundUp(columns, to: 32) : roundUp((columns + threads - 1) / threads, to: 32)
            let across = (columns + block - 1) / block
            withUnsafePointer(to: product) { product in
                Compute.parallel(tiles * across) { part in
                    let (row, column) = (part / across * 32, part % across * block)
                    ck_split_product(product, row, min(row + 32, rows), column, min(column + block, columns))
                }
            }
        }
    }
}

/// A right operand of `SplitProduct`.
final class PackedWeight {
    private let storage: Storage
    private let isCounted: Bool
    private let columns, depth: Int
    /// Of the weight's contents.
    private let version: Int

    var numbers: UnsafePointer<UInt16> {
        UnsafePointer(UnsafeMutableRawPointer(storage.base).assumingMemoryBound(to: UInt16.self))
    }

    /// Bytes that all weights' packed copies take, and how many they may.
    private static let kept = Atomic<Int>(0)
    private static let limit = 128 << 20

    init(_ b: Product.Matrix, columns: Int, depth: Int, keeping bytes: Int = 0, version: Int = 0) {
        storage = Storage(count: ck_split_size(columns, depth), isHalf: true)
        (isCounted, self.columns, self.depth, self.version) = (bytes > 0, columns, depth, version)
        let to = UnsafeMutableRawPointer(storage.base).assumingMemoryBound(to: UInt16.self)
        let (panels, together) = ((columns + 15) / 16, max(1, 8192 / depth / 16))
        Compute.blocks(panels, of: together) {
            ck_split_pack(
                b.base, b.transposed ? 1 : b.stride, b.transposed ? b.stride : 1, columns, depth, $1.lowerBound,
                $1.upperBound, to)
        }
    }

    deinit {
        if isCounted { Self.kept.subtract(storage.bytes, ordering: .relaxed) }
    }

    /// The weight's own, packed now if it has none of its present contents.
    static func of(_ weight: Tensor, transposed: Bool) -> PackedWeight {
        let owner = weight.storage
        let (outputs, inputs) = (weight.shape[0], weight.shape[1])
        let (columns, depth) = transposed ? (outputs, inputs) : (inputs, outputs)
        let known = transposed ? owner.packed.transposed : owner.packed.plain
        if let known, known.version == owner.version, known.columns == columns, known.depth == depth { return known }
        let bytes = 2 * ck_split_size(columns, depth)
        var isKept = owner.isLasting
        if isKept, kept.add(bytes, ordering: .relaxed).newValue > limit {
            kept.subtract(bytes, ordering: .relaxed)
            isKept = false
        }
        let source = weight.widened()
        let result = PackedWeight(
            source.matrix(transposed: transposed), columns: columns, depth: depth, keeping: isKept ? bytes : 0,
            version: owner.version)
        guard isKept else { return result }
        if transposed { owner.packed.transposed = result } else { owner.packed.plain = result }
        return result
    }
}

extension Tensor {
    /// Says that these are weights which many products read: products may keep them in another form too.
    package func markAsWeight() { storage.isLasting = true }

    var isWeight: Bool { storage.isLasting }
}
