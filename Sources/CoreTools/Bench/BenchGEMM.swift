import CoreTensor
import Foundation

/// Measures the machine's matrix product.
package struct BenchGEMM {
    /// Rows, columns and inner size of the product.
    package var size = 2048
    /// Shortest time to measure, in seconds.
    package var seconds = 1.0

    package init() {}

    package struct Report: Codable, Sendable {
        package let gflops: Double
        /// OpenBLAS's name of the kernel in use.
        package let kernel: String
        package let threads: Int
        package let openblas: String
        /// Set when `OPENBLAS_CORETYPE` forces a kernel, which can halve the speed.
        package let forcedKernel: String?

        private enum CodingKeys: String, CodingKey {
            case gflops, kernel, threads, openblas
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
            let time = clock.measure { withoutGradients { _ = matmul(a, b) } }
            best = min(best, time / .seconds(1))
        } while (clock.now - start) / .seconds(1) < seconds || best == .infinity
        let machine = Compute.description
        return Report(
            gflops: operations / best / 1e9, kernel: machine.kernel, threads: machine.threads,
            openblas: machine.openBLASVersion,
            forcedKernel: ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"])
    }
}
