import ArgumentParser
import Foundation

/// How much of this machine a command may use.
struct MachineOptions: ParsableArguments {
    @Option(help: "Threads; all cores if left out.")
    var threads: Int?

    var count: Int { max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount) }

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads \(threads): wanted at least 1") }
    }

    /// A forced OpenBLAS kernel can halve the speed: said once, at the start of long work.
    static func warnAboutForcedKernel() {
        guard let forced = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] else { return }
        Console.note("warning: OPENBLAS_CORETYPE=\(forced) forces a kernel and can halve the speed; unset it")
    }
}
