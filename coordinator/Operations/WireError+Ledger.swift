import SweepLedger
package import SweepWire

extension WireError {
    /// What a peer is told of an error: the ledger's own words, but nothing of what is inside.
    package static func from(_ error: any Error) -> WireError {
        switch error {
        case let error as WireError: return error
        case let error as LedgerError:
            let code: Code =
                switch error.code {
                case .notFound: .notFound
                case .ambiguous, .conflict, .locked: .conflict
                case .query, .invalid: .badRequest
                case .diskFull: .diskFull
                // After an error of the disk the same request may succeed, here or after a restart; nobody's
                // job is at fault.
                case .closed, .inputOutput: .unavailable
                case .unreadable, .notALedger, .newerSchema, .notDurable: .internalFault
                }
            let retry: Double? =
                switch error.code {
                case .closed: 1
                case .diskFull, .inputOutput: 5
                default: nil
                }
            return WireError(
                error == LaunchSweep.keyReused ? .keyReused : code, error.message, retryAfter: retry)
        default: return WireError(.internalFault, "the coordinator met an error; its log says more")
        }
    }
}
