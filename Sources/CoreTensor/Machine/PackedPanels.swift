import CKernels
import Synchronization

/// A weight as the kernels of bf16 read a right operand, kept beside the weight so that the next product
/// finds it: half the bytes of f32, and nothing to round and to reorder. Sums are the same bit for bit.
final class PackedPanels {
    /// What the packed form depends on beside the weight's values.
    private struct Layout: Equatable {
        let columns, taps, depth, depthStride, version: Int

        init(_ product: CKProduct, version: Int) {
            (columns, taps, depth) = (product.columns, product.taps, product.depth)
            (depthStride, self.version) = (product.bDepthStride, version)
        }
    }

    private let layout: Layout
    private let panels: Storage

    var base: UnsafePointer<UInt16>? { panels.halves }

    /// Packs all of a product's right operand, on all threads.
    init(_ product: UnsafePointer<CKProduct>, version: Int = 0) {
        layout = Layout(product.pointee, version: version)
        let (kernel, columns) = (ck_bf16_kernel(), product.pointee.columns)
        let panels = Storage(count: ck_bf16_packed_size(product), isHalf: true)
        let to = UnsafeMutableRawPointer(panels.base).assumingMemoryBound(to: UInt16.self)
        Compute.blocks(columns, of: roundUp((columns + 2 * Compute.sharing - 1) / (2 * Compute.sharing), to: 16)) {
            ck_bf16_pack(kernel, product, $1.lowerBound, $1.upperBound, to)
        }
        self.panels = panels
    }

    /// Those of a weight, packed now if it has none for such a product.
    static func kept(in weight: Storage, for product: UnsafePointer<CKProduct>) -> PackedPanels {
        let wanted = Layout(product.pointee, version: weight.version)
        // Groups of samples on several threads read the same weights.
        var panels: PackedPanels?
        keeping.withLock { _ in
            panels = weight.panels
            if panels?.layout != wanted {
                panels = PackedPanels(product, version: weight.version)
                weight.panels = panels
            }
        }
        guard let panels else { preconditionFailure("a weight that was packed and has no panels") }
        return panels
    }

    private static let keeping = Mutex(())
}

extension Tensor {
    /// Lets go of what `Precision.applyKeepingPanels` kept beside the weight.
    package func dropPanels() { storage.panels = nil }

    /// The storage of a weight that a product packs once, where that is wanted now.
    var keeper: Storage? { Precision.keepsPanels ? storage : nil }
}
