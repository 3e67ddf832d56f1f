import CKernels

/// What the operands of products, convolutions and attention are rounded to. Sums, results and everything
/// else are f32.
package enum Precision: String, CaseIterable, Sendable, Codable {
    case f32
    case bf16

    /// Runs `body` with this precision for the operations that this thread records in it, their backward
    /// passes included.
    ///
    /// - Throws: what `body` throws.
    package func apply<R>(_ body: () throws -> R) rethrows -> R {
        let before = ck_bf16_scope(self == .bf16 ? Self.narrowing : 0)
        defer { _ = ck_bf16_scope(before) }
        return try body()
    }

    /// Runs `body`, which calls the same weights many times, in the precision of this thread; the packed form
    /// of each weight stays beside it until `Tensor.dropPanels`: 2 bytes a number in bf16, 4 in f32, and for
    /// backward passes as much again.
    ///
    /// - Throws: what `body` throws.
    package static func keepingPanels<R>(_ body: () throws -> R) rethrows -> R {
        let before = scope
        _ = ck_bf16_scope(before | keeping)
        defer { _ = ck_bf16_scope(before) }
        return try body()
    }

    /// The bits of `ck_bf16_scope`'s number.
    private static let (narrowing, keeping): (Int32, Int32) = (1, 2)

    static var keepsPanels: Bool { scope & keeping != 0 }

    private static var scope: Int32 {
        let scope = ck_bf16_scope(0)
        _ = ck_bf16_scope(scope)
        return scope
    }

    /// Of the innermost `apply` on this thread; f32 outside of all.
    static var current: Precision { scope & narrowing == 0 ? .f32 : .bf16 }

    /// Whether operations recorded now round nothing.
    package static var isFull: Bool { current == .f32 }

    /// The kernel of products in this precision, on which their last bits depend; nil where there is none of
    /// its own.
    var kernel: String? { self == .f32 ? nil : String(cString: ck_bf16_name(ck_bf16_kernel())) }

    /// A side this short would leave most of a tile empty: such products stay in f32.
    private static let leastSide = 16

    /// Whether a product of these sizes has narrow operands.
    func narrows(columns: Int, depth: Int) -> Bool {
        self == .bf16 && columns >= Self.leastSide && depth >= Self.leastSide
    }

    /// A copy as bf16, stored as `Tensor.halves` are.
    static func narrowed(_ x: Tensor) -> Storage {
        let result = Storage(count: x.count, isHalf: true)
        let to = UnsafeMutableRawPointer(result.base).assumingMemoryBound(to: UInt16.self)
        let (from, kernel) = (x.pointer, ck_bf16_kernel())
        Elementwise.ranges(x.count, kind: .convolution) { ck_bf16_narrow(kernel, $1, from + $0, to + $0) }
        return result
    }
}
