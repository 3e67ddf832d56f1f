import CoreTensor

/// What the operands of measured products are rounded to.
package enum BenchPrecision: String, CaseIterable, Sendable {
    case f32, bf16

    var tensor: Precision { self == .f32 ? .f32 : .bf16 }
}
