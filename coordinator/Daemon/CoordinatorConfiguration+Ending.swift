import Glibc
package import SweepLedger

extension CoordinatorConfiguration {
    /// Ends the process at once: nobody may be answered by a coordinator that cannot write.
    package static let endProcess: @Sendable (LedgerError) -> Void = { error in
        let line = Array("radiata coordinator: \(error.message)\n".utf8)
        _ = write(2, line, line.count)
        _exit(1)
    }
}
