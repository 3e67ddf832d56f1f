import CoordinatorOperations
import Foundation
import Glibc
import Ports
import SweepLedger
import SweepModel

extension TokenBook {
    /// Makes `admin.token` where there is none that is good, and takes the token of `--token-file`.
    ///
    /// - Returns: the tokens, and the text of `admin.token`.
    /// - Throws: `CoordinatorError` `badToken` for a file that others can read, or that holds no token.
    static func prepare(_ configuration: CoordinatorConfiguration, ledger: Ledger, files: any FileStore = DiskFiles())
        async throws -> (book: TokenBook, admin: String)
    {
        let now = configuration.time.wall().milliseconds
        let admin = try await adminToken(configuration, ledger: ledger, files: files)
        if let file = configuration.tokenFile {
            let text: String
            do {
                text = try SecretFile.read(file, files: files)
            } catch let error as PortsError {
                throw CoordinatorError(.badToken, "--token-file \(error.message)")
            }
            guard text.utf8.count >= 16 else {
                throw CoordinatorError(.badToken, "--token-file \(file): wanted one token of at least 16 characters")
            }
            try await ledger.writer.perform(
                StoreToken(
                    token: TokenRecord(
                        id: "token-file", hash: hash(text), scope: .admin, note: "--token-file",
                        created: now)))
        }
        let book = TokenBook(time: configuration.time)
        book.replace(try await ledger.tokens())
        return (book, admin)
    }

    /// The text of `admin.token`. A file whose token was revoked, or is another ledger's, is written anew.
    private static func adminToken(
        _ configuration: CoordinatorConfiguration, ledger: Ledger, files: any FileStore
    ) async throws -> String {
        let path = configuration.dataFolder + "/admin.token"
        let now = configuration.time.wall()
        if let information = try files.information(path), !information.isFolder {
            if information.mode & 0o077 != 0, chmod(path, 0o600) != 0 {
                throw CoordinatorError(.badToken, "\(path) can be read by others, and cannot be kept from them")
            }
            let text = try files.readText(path, limit: 4096).trimmingCharacters(in: .whitespacesAndNewlines)
            let isGood = try await ledger.tokens().contains { record in
                record.hash == hash(text) && !record.token.isRevoked && record.token.scope == .admin
                    && record.token.expires.map { $0 > now.milliseconds } ?? true
            }
            if isGood { return text }
        }
        let (id, text) = make(SystemRandom())
        try files.writeAtomically(Array((text + "\n").utf8), to: path, mode: 0o600)
        try await ledger.writer.perform(
            StoreToken(
                token: TokenRecord(
                    id: id, hash: hash(text), scope: .admin, note: "admin.token",
                    created: now.milliseconds)))
        return text
    }
}
