/// What the numbers of a run depend on, apart from its inputs: bit-exact resumption needs all of it to be
/// equal.
package struct ComputeDescription: Hashable, Sendable, Codable {
    package let openBLASVersion: String
    /// OpenBLAS' name of its kernel set, e.g. "Zen".
    package let kernel: String
    package let threads: Int
    /// Instruction set of the kernels in this package.
    package let isa: String
    /// The kernel of bf16 products; nil for a run in f32.
    package let bf16: String?
}
