import CoreTensor

/// What computes here, for people.
package struct MachineCompute: Equatable, Sendable {
    package let openBLAS: String
    /// OpenBLAS' kernel: `SkylakeX`, `Haswell`.
    package let kernel: String
    /// The instructions of our own kernels: `avx512`, `avx2`.
    package let instructions: String

    package static var here: MachineCompute {
        let description = Compute.description
        return MachineCompute(
            openBLAS: description.openBLASVersion, kernel: description.kernel, instructions: description.isa)
    }
}
