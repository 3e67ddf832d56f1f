import CoordinatorOperations
package import Ports
import SweepLedger
package import SweepWire

/// Tokens without a running coordinator: takes the ledger's lock while it works.
package enum CoordinatorTokens {
    /// Makes a token in the ledger of a data folder. The answer is the only time that its text is shown.
    ///
    /// - Throws: `LedgerError` `locked` while a coordinator runs on the folder (then ask that one).
    package static func create(
        dataFolder: String, _ request: TokenRequest, time: any TimeSource = SystemTime(),
        random: any RandomSource = SystemRandom()
    ) async throws -> TokenResponse {
        let ledger = try Ledger(folder: dataFolder, time: time, onFatal: CoordinatorConfiguration.endProcess)
        defer { ledger.close() }
        let (id, text) = TokenBook.make(random)
        let now = time.wall().milliseconds
        try await ledger.writer.perform(
            StoreToken(
                token: TokenRecord(
                    id: id, hash: TokenBook.hash(text), scope: request.scope, note: request.note, created: now,
                    expires: try TokenBook.end(of: request.lifetime, from: now))))
        return TokenResponse(id: id, token: text)
    }
}
