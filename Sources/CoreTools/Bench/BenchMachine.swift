import CoreTensor

/// Sets up the machine for a tool that runs by itself.
package enum BenchMachine {
    /// Sets the threads of all heavy work of this process.
    package static func use(threads: Int) { Compute.configure(threads: threads) }
}
