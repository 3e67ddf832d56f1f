import Foundation
import Hummingbird
import Ports
import SweepLedger
import SweepWire

extension Routes {
    func addLedgerRoutes(_ router: Router<BasicRequestContext>) {
        mount.mount(.createToken, on: router) { request, _ in
            guard request.note.utf8.count <= 256, request.lifetime.map({ $0 > 0 && $0.isFinite }) ?? true else {
                throw WireError(.badRequest, "token: the note is longer than 256 bytes, or the lifetime is not above 0")
            }
            let (id, text) = TokenBook.make(SystemRandom())
            let now = wall.milliseconds
            let record = TokenRecord(
                id: id, hash: TokenBook.hash(text), scope: request.scope.rawValue, note: request.note, created: now,
                expires: request.lifetime.map { now + Int64($0 * 1000) })
            try await ledger.writer.perform(StoreToken(token: record))
            tokens.replace(try await ledger.tokens())
            return TokenResponse(id: id, token: text)
        }
        mount.mount(.tokens, on: router) { _, _ in
            Items(
                try await ledger.tokens().map { token in
                    TokenSummary(
                        id: token.id, scope: TokenScope(rawValue: token.scope) ?? .read, note: token.note,
                        created: token.created, expires: token.expires, isRevoked: token.revoked != nil)
                })
        }
        mount.mount(.revokeToken, on: router) { request, _ in
            guard try await ledger.writer.perform(RevokeToken(id: request.id, now: wall)) else {
                throw WireError(.notFound, "no token '\(request.id)'")
            }
            tokens.replace(try await ledger.tokens())
            return Nothing()
        }
        mount.mount(.backup, on: router) { _, _ in
            let (path, bytes) = try await ledger.backup(now: wall)
            return BackupResponse(path: path, bytes: bytes)
        }
        mount.mount(.collect, on: router) { _, _ in
            let (blobs, bytes) = try await ledger.collect(now: wall)
            return CollectResponse(removedBlobs: blobs, removedBytes: bytes)
        }
        mount.mount(.check, on: router) { _, _ in
            let (findings, notes) = try await ledger.check()
            return CheckResponse(sqlite: Ledger.sqliteVersion, findings: findings, notes: notes)
        }
    }
}
