import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import NIOCore
import NIOSSL

/// What listens, and why it cannot.
extension CoordinatorService {
    /// Plain HTTP, or TLS with the coordinator's own certificate or the operator's.
    ///
    /// - Throws: ``CoordinatorError`` for a certificate that is none.
    func server(_ lane: LaneCalls) throws -> HTTPServerBuilder {
        let limits = configuration.connections
        let base = configuration.base
        let strangers = StrangerBook(limit: limits.strangers, total: Self.mostConnections() / 2)
        let plain = HTTPServerBuilder.http1(
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [
                    ConnectionGuard(limits: limits, strangers: strangers, base: base), WorkerLane(calls: lane),
                ],
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes,
                    maxHeaderFieldCount: limits.headerCount)))
        if let authority {
            var tls = try authority.configuration()
            tls.minimumTLSVersion = configuration.allowsTLS12 ? .tlsv12 : .tlsv13
            return try .tls(plain, tlsConfiguration: tls)
        }
        guard let certificate = configuration.tlsCertificate, let key = configuration.tlsKey else { return plain }
        do {
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            tls.minimumTLSVersion = configuration.allowsTLS12 ? .tlsv12 : .tlsv13
            return try .tls(plain, tlsConfiguration: tls)
        } catch {
            throw CoordinatorError(
                .badCertificate,
                "--tls-cert \(certificate), --tls-key \(key): not a PEM certificate and its key (\(error))")
        }
    }

    /// As many as there are descriptors, less what files need. The system's usual 1024 are raised as far as
    /// it allows.
    static func mostConnections() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 512 }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 512 }
        return max(64, min(Int(clamping: limit.rlim_cur) - 256, 50_000))
    }

    /// What listening failed with, as a person should read it.
    static func clear(_ error: any Error, _ configuration: CoordinatorConfiguration) -> any Error {
        let place = "\(configuration.urlHost):\(configuration.port)"
        var isUnknown = error is SocketAddressError.UnknownHost
        if case SocketAddressError.unknown = error { isUnknown = true }
        if isUnknown {
            return CoordinatorError(
                .cannotListen, "cannot listen on \(place): no machine of that name is known here; give another --listen"
            )
        }
        guard let error = error as? IOError else { return error }
        switch error.errnoCode {
        case EADDRINUSE:
            return CoordinatorError(
                .portInUse, "\(place) is in use by another program; stop it, or give another --listen HOST:PORT")
        case EACCES, EADDRNOTAVAIL:
            return CoordinatorError(
                .cannotListen,
                "cannot listen on \(place): \(String(cString: strerror(error.errnoCode))); give another --listen")
        default:
            return CoordinatorError(.cannotListen, "cannot listen on \(place): \(error)")
        }
    }
}
