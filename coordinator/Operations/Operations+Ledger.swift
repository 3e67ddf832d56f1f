import Foundation
import Ports
import SweepLedger
import SweepModel
import SweepWire

extension Operations {
    /// The note of a mutation in the table `audit`.
    func audit(_ call: Call, _ name: String, _ detail: String) -> AuditEntry {
        AuditEntry(actor: call.principal.id, call: name, detail: detail, now: wall)
    }

    func mountLedger(on place: some OperationMount) {
        place.mount(.createToken) { request, call in
            guard request.note.unicodeScalars.count <= 256 else {
                throw WireError(.badRequest, "token: the note has more than 256 characters")
            }
            let (id, text) = TokenBook.make(SystemRandom())
            let now = wall.milliseconds
            let record = TokenRecord(
                id: id, hash: TokenBook.hash(text), scope: request.scope, note: request.note, created: now,
                expires: try TokenBook.end(of: request.lifetime, from: now))
            try await work.commit(
                Audited(StoreToken(token: record), audit(call, "createToken", "\(id), scope \(request.scope.rawValue)"))
            )
            tokens.replace(try await ledger.tokens())
            return TokenResponse(id: id, token: text)
        }
        place.mount(.tokens) { _, _ in
            Items(try await ledger.tokens().map(\.token))
        }
        place.mount(.revokeToken) { request, call in
            let verb = Audited(RevokeToken(id: request.id, now: wall), audit(call, "revokeToken", request.id))
            guard try await work.commit(verb) else {
                throw WireError(.notFound, "no token '\(request.id)'")
            }
            tokens.replace(try await ledger.tokens())
            return Nothing()
        }
        place.mount(.backup) { _, call in
            try await work.commit(audit(call, "backup", ""))
            let (path, bytes) = try await ledger.backup(now: wall)
            return BackupResponse(path: path, bytes: bytes)
        }
        place.mount(.collect) { _, call in
            try await work.commit(audit(call, "collect", ""))
            let (blobs, bytes) = try await ledger.collect(now: wall)
            return CollectResponse(removedBlobs: blobs, removedBytes: bytes)
        }
        place.mount(.check) { _, _ in
            let (findings, notes) = try await ledger.check()
            return CheckResponse(sqlite: Ledger.sqliteVersion, findings: findings, notes: notes)
        }
    }
}
