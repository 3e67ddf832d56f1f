import CoordinatorOperations
import SweepLedger
import SweepModel
import SweepWire

/// With which token somebody calls.
enum Badge: String, CaseIterable {
    /// All workers of the cluster have one token.
    case workers
    case user
    /// A worker's token too, of somebody who runs another machine.
    case stranger
    case reader
    case revoked
    /// Looks like one, and is in no ledger.
    case forged
    case none

    private var scope: TokenScope? {
        switch self {
        case .workers, .stranger: .worker
        case .user: .submit
        case .reader: .read
        case .revoked: .admin
        case .forged, .none: nil
        }
    }

    var text: String? { self == .none ? nil : "badge-of-\(rawValue)" }

    var record: TokenRecord? {
        guard let scope, let text else { return nil }
        return TokenRecord(
            id: rawValue, hash: TokenBook.hash(text), scope: scope, note: "", created: 0)
    }
}
