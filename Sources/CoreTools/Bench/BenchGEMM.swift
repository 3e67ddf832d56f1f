import CoreTensor
import Foundation

/// Measures the machine's matrix product.
package struct BenchGEMM {
    /// Rows, columns and inner size of the product.
    package var size = 2048
    /// Shortest time to measure, in seconds.
    package var seconds = 1.0

    package var precision = BenchPrecision.f32

    package init() {}

    package struct Report: Codable, Sendable {
        package let gflops: Double
        /// OpenBLAS's name of the kernel in use; of bf16 that of the own one.
        package let kernel: String
        package let threads: Int
        package let precision: String
        package let openblas: String
        /// Set when `OPENBLAS_CORETYPE` forces a kernel, which can halve the speed.
        package let forcedKernel: String?

        private enum CodingKeys: String, CodingKey {
            case gflops, kernel, threads, precision, openblas
            case forcedKernel = "forced_kernel"
        }
    }

    /// - Returns: the best rate over repeated products of `size`³.
    package func run() -> Report {
        let (a, b) = (Tensor.filled(0.5, [size, size]), Tensor.filled(0.25, [size, size]))
        let operations = 2 * Double(size) * Double(size) * Double(size)
        let clock = ContinuousClock()
        var best = Double.infinity
        let start = clock.now
        repeat {
            let time = clock.measure {
                withoutGradients {
                    precision.tensor.apply { _ = precision == .f32 ? matmul(a, b) : linear(a, weight: b) }
                }
            }
            best = min(best, time / .seconds(1))
        } while (clock.now - start) / .seconds(1) < seconds || best == .infinity
        let machine = Compute.description(of: precision.tensor)
        return Report(
            gflops: operations / best / 1e9, kernel: machine.bf16 ?? machine.kernel, threads: machine.threads,
            precision: precision.rawValue, openblas: machine.openBLASVersion,
            forcedKernel: ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"])
    }
}
