import CKernels
import Synchronization

/// A weight as kernels read a right operand, kept beside the weight so that the next product finds it:
/// nothing to round and to reorder, in bf16 half the bytes. Sums are the same bit for bit.
final class PackedPanels {
    /// What the packed form depends on beside the weight's values.
    private struct Layout: Equatable {
        let columns, taps, depth, depthStride, version: Int
        let isNarrow: Bool

        init(_ product: CKProduct, version: Int, isNarrow: Bool) {
            (columns, taps, depth) = (product.columns, product.taps, product.depth)
            (depthStride, self.version, self.isNarrow) = (product.bDepthStride, version, isNarrow)
        }
    }

    private let layout: Layout
    private let panels: Storage

    /// For `CKProduct.bPacked`; nil for panels of floats.
    var narrow: UnsafePointer<UInt16>? { panels.halves }
    /// For `CKProduct.bPanels`; nil for panels of bf16.
    var floats: UnsafePointer<Float>? { panels.isHalf ? nil : UnsafePointer(panels.base) }

    /// Packs all of a product's right operand, on all threads.
    init(_ product: UnsafePointer<CKProduct>, version: Int = 0, isNarrow: Bool) {
        layout = Layout(product.pointee, version: version, isNarrow: isNarrow)
        let columns = product.pointee.columns
        let block = roundUp((columns + 2 * Compute.sharing - 1) / (2 * Compute.sharing), to: isNarrow ? 16 : 32)
        if isNarrow {
            let kernel = ck_bf16_kernel()
            panels = Storage(count: ck_bf16_packed_size(product), isHalf: true)
            let to = UnsafeMutableRawPointer(panels.base).assumingMemoryBound(to: UInt16.self)
            Compute.blocks(columns, of: block) {
                ck_bf16_pack(kernel, product, $1.lowerBound, $1.upperBound, to)
            }
        } else {
            panels = Storage(count: ck_panels_size(product))
            let to = panels.base
            Compute.blocks(columns, of: block) { ck_pack_panels(product, $1.lowerBound, $1.upperBound, to) }
        }
    }

    /// Those of a weight, packed now if it has none for such a product.
    static func kept(in weight: Storage, for product: UnsafePointer<CKProduct>, isNarrow: Bool) -> PackedPanels {
        let wanted = Layout(product.pointee, version: weight.version, isNarrow: isNarrow)
        var found: PackedPanels?
        lock.withLock { _ in found = weight.panels.first { $0.layout == wanted } }
        if let found { return found }
        // Two threads may pack one weight at a time: both are right, and one is kept.
        let panels = PackedPanels(product, version: weight.version, isNarrow: isNarrow)
        lock.withLock { _ in
            weight.panels.removeAll { $0.layout == wanted || $0.layout.version != wanted.version }
            weight.panels.append(panels)
        }
        return panels
    }

    /// Of all weights' panels: groups of samples on several threads read the same weights.
    private static let lock = Mutex(())
}

extension Tensor {
    /// Lets go of what `Precision.keepingPanels` kept beside the weight.
    package func dropPanels() { storage.panels = [] }

    /// The storage of a weight that a product packs once, where that is wanted now and the weight stays.
    var keeper: Storage? { Precision.keepsPanels && !requiresGradient ? storage : nil }
}
