import Foundation
import Hummingbird
import Ports
import SweepLedger
import SweepModel
import SweepWire

extension Routes {
    /// The note of a mutation in the table `audit`.
    func audit(_ call: Call, _ name: String, _ detail: String) -> AuditEntry {
        AuditEntry(actor: call.principal.id, call: name, detail: detail, now: wall)
    }

    func addLedgerRoutes(_ router: Router<CallContext>) {
        mount.mount(.createToken, on: router) { request, call in
            guard request.note.unicodeScalars.count <= 256 else {
                throw WireError(.badRequest, "token: the note has more than 256 characters")
            }
            let (id, text) = TokenBook.make(SystemRandom())
            let now = wall.milliseconds
            let record = TokenRecord(
                id: id, hash: TokenBook.hash(text), scope: request.scope, note: request.note, created: now,
                expires: try TokenBook.end(of: request.lifetime, from: now))
            try await ledger.writer.perform(
                Audited(StoreToken(token: record), audit(call, "createToken", "\(id), scope \(request.scope.rawValue)"))
            )
            tokens.replace(try await ledger.tokens())
            return TokenResponse(id: id, token: text)
        }
        mount.mount(.tokens, on: router) { _, _ in
            Items(try await ledger.tokens().map(\.token))
        }
        mount.mount(.revokeToken, on: router) { request, call in
            let verb = Audited(RevokeToken(id: request.id, now: wall), audit(call, "revokeToken", request.id))
            guard try await ledger.writer.perform(verb) else {
                throw WireError(.notFound, "no token '\(request.id)'")
            }
            tokens.replace(try await ledger.tokens())
            return Nothing()
        }
        mount.mount(.backup, on: router) { _, call in
            try await ledger.writer.perform(audit(call, "backup", ""))
            let (path, bytes) = try await ledger.backup(now: wall)
            return BackupResponse(path: path, bytes: bytes)
        }
        mount.mount(.collect, on: router) { _, call in
            try await ledger.writer.perform(audit(call, "collect", ""))
            let (blobs, bytes) = try await ledger.collect(now: wall)
            return CollectResponse(removedBlobs: blobs, removedBytes: bytes)
        }
        mount.mount(.check, on: router) { _, _ in
            let (findings, notes) = try await ledger.check()
            return CheckResponse(sqlite: Ledger.sqliteVersion, findings: findings, notes: notes)
        }
    }
}
