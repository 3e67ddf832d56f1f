import CoreTensor

/// How the adapter tools store numbers.
package enum AdapterFileType: String, CaseIterable, Sendable {
    case f32, f16, bf16

    var stored: SafetensorsType {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        }
    }
}
