import CoordinatorOperations
import Logging
import NIOCore
import NIOSSL
import Ports
import ServiceLifecycle
import Synchronization

/// A certificate authority of the coordinator's own, and the certificate that it serves with: made at the
/// first start in `DATA/tls`, the certificate renewed by itself before it ends and when the machine's names
/// change.
///
/// The authority signs for this coordinator and nobody else. So whoever has its certificate knows the
/// coordinator by it, whatever name or address leads there.
package final class OwnAuthority: Sendable {
    private struct Served {
        var chain: [NIOSSLCertificateSource]
        var key: NIOSSLPrivateKeySource
    }

    /// Certificates are for so long, and renewed when so much is left.
    static let days: Int64 = 90
    static let daysLeft: Int64 = 30
    /// Of the authority itself.
    private static let authorityDays: Int64 = 3653

    /// PEM.
    package let certificate: String
    private let authorityKey: String
    private let folder: String
    private let names: @Sendable () -> [HostAddress]
    private let time: any TimeSource
    private let files: any FileStore
    private let served = Mutex<Served?>(nil)

    /// Reads what is there, or makes it.
    ///
    /// - Parameters:
    ///   - folder: `DATA/tls`.
    ///   - ledger: id of the ledger, for the authority's name.
    ///   - names: names and addresses of the machine; asked again at each renewal.
    /// - Throws: `CoordinatorError` `badCertificate`, `PortsError`.
    init(
        folder: String, ledger: String, names: @escaping @Sendable () -> [HostAddress], time: any TimeSource,
        files: any FileStore = DiskFiles()
    ) throws {
        self.folder = folder
        self.names = names
        self.time = time
        self.files = files
        try files.makeFolder(folder, mode: 0o700)
        let keyPath = folder + "/authority.key"
        let path = folder + "/authority.pem"
        if try !files.exists(keyPath) {
            // A certificate without its key is worth nothing; one without a certificate is made good below.
            try files.remove(path)
            try files.writeAtomically(Array(try Certificates.key().utf8), to: keyPath, mode: 0o600)
        }
        authorityKey = try files.readText(keyPath, limit: 64 << 10)
        if try !files.exists(path) {
            let now = time.wall()
            let made = try Certificates.authority(
                key: authorityKey, name: "Radiata coordinator \(ledger.prefix(8))", from: now.adding(days: -1),
                to: now.adding(days: Self.authorityDays))
            try files.writeAtomically(Array(made.utf8), to: path, mode: 0o644)
        }
        certificate = try files.readText(path, limit: 64 << 10)
        guard let end = Certificates.end(certificate), end > time.wall() else {
            throw CoordinatorError(
                .badCertificate,
                "\(path) is no certificate, or has ended; remove the folder \(folder) for a new authority, and invite "
                    + "the machines again")
        }
        try renewIfDue()
    }

    /// Makes a new certificate where the one that is there ends soon, or is for other names.
    ///
    /// - Returns: whether there is a new one.
    @discardableResult
    package func renewIfDue() throws -> Bool {
        let now = time.wall()
        let wanted = Certificates.alternatives(names())
        let (path, keyPath, namesPath) = (folder + "/server.pem", folder + "/server.key", folder + "/server.names")
        let isThere = try [path, keyPath, namesPath].allSatisfy { try files.exists($0) }
        let end = isThere ? Certificates.end(try files.readText(path, limit: 64 << 10)) : nil
        let isGood =
            try end.map { $0 > now.adding(days: Self.daysLeft) } ?? false
            && files.readText(namesPath, limit: 64 << 10) == wanted
        if !isGood { try renew(wanted, now, path, keyPath, namesPath) }
        if isGood, served.withLock({ $0 != nil }) { return false }
        try serve(path, keyPath)
        return !isGood
    }

    private func renew(
        _ wanted: String, _ now: WallTime, _ path: String, _ keyPath: String, _ namesPath: String
    ) throws {
        let key = try Certificates.key()
        let made = try Certificates.server(
            authority: (authorityKey, certificate), key: key, name: "radiata", names: names(),
            from: now.adding(days: -1), to: now.adding(days: Self.days))
        // Whatever is cut off here is made anew at the next start: the names are written last.
        try files.remove(namesPath)
        try files.writeAtomically(Array(key.utf8), to: keyPath, mode: 0o600)
        try files.writeAtomically(Array(made.utf8), to: path, mode: 0o644)
        try files.writeAtomically(Array(wanted.utf8), to: namesPath, mode: 0o644)
    }

    private func serve(_ path: String, _ keyPath: String) throws {
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(try files.readText(path, limit: 64 << 10).utf8))
            let key = try NIOSSLPrivateKey(
                bytes: Array(try files.readText(keyPath, limit: 64 << 10).utf8), format: .pem)
            served.withLock { $0 = Served(chain: chain.map { .certificate($0) }, key: .privateKey(key)) }
        } catch let error as NIOSSLError {
            throw CoordinatorError(
                .badCertificate, "\(path), \(keyPath): not a certificate and its key (\(error)); remove both files")
        }
    }

    /// TLS by the newest certificate, also for connections after a renewal.
    ///
    /// - Throws: `CoordinatorError` `badCertificate`.
    func configuration() throws -> TLSConfiguration {
        guard let now = served.withLock({ $0 }) else {
            throw CoordinatorError(.badCertificate, "\(folder): there is no certificate; remove the folder")
        }
        var tls = TLSConfiguration.makeServerConfiguration(certificateChain: now.chain, privateKey: now.key)
        tls.sslContextCallback = { [self] _, promise in
            var change = NIOSSLContextConfigurationOverride.noChanges
            if let newest = served.withLock({ $0 }) {
                change.certificateChain = newest.chain
                change.privateKey = newest.key
            }
            promise.succeed(change)
        }
        return tls
    }
}

/// Renews the certificate while the coordinator runs.
struct CertificateKeeper: Service {
    let authority: OwnAuthority
    let pace: Duration
    let time: any TimeSource
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await time.sleep(for: pace)
                    if try authority.renewIfDue() { logger.info("the certificate was renewed") }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("the certificate could not be renewed: \(error)")
                }
            }
        }
    }
}
