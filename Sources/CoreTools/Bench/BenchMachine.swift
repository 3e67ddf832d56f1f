import CoreTensor

/// Sets up the machine for a tool that runs by itself.
package enum BenchMachine {
    package static func use(threads: Int) { Compute.configure(threads: threads) }
}
