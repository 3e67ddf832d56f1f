package import Logging
package import Ports
package import SweepLedger

/// How a coordinator runs.
package struct CoordinatorConfiguration: Sendable {
    /// Folder of the ledger and the blobs; made if it is not there.
    package var dataFolder: String
    package var host: String
    /// 0 lets the system choose.
    package var port: Int
    /// File with the plaintext of a further admin token to accept, beside `admin.token`.
    package var tokenFile: String?
    package var tlsCertificate: String?
    package var tlsKey: String?
    /// TLS 1.2 beside 1.3, for old clients.
    package var allowsTLS12 = false
    /// Names, besides loopback's, under which a coordinator on loopback is called: those of a proxy before
    /// it.
    package var allowedHosts: [String] = []
    /// Where a proxy before it serves it: `/node/HOST/7070`; empty for the root. Requests with and without it
    /// are served.
    package var basePath = ""
    /// Where this user's commands on this machine find the token; nil for nowhere.
    package var registry: CoordinatorRegistry?
    /// Serves other machines without TLS.
    package var insecureLAN: Bool
    /// How long an attempt may be silent before its job may be claimed by another worker.
    package var lease: Duration
    /// How often deadlines are looked at.
    package var tick: Duration
    package var logLevel: Logger.Level
    package var time: any TimeSource
    package var connections = ConnectionLimits()
    package var maintenance = MaintenancePaces()
    /// Free and total bytes of a folder's disk.
    package var space: @Sendable (String) throws -> DiskSpace = { try DiskFiles().space(at: $0) }
    /// Called once when the ledger can no longer be written; by default the process ends.
    package var onFatal: @Sendable (LedgerError) -> Void

    package init(
        dataFolder: String, host: String = "127.0.0.1", port: Int = 7070, tokenFile: String? = nil,
        tlsCertificate: String? = nil, tlsKey: String? = nil, insecureLAN: Bool = false, lease: Duration = .seconds(60),
        allowsTLS12: Bool = false, tick: Duration = .seconds(1), logLevel: Logger.Level = .info,
        time: any TimeSource = SystemTime(),
        onFatal: @escaping @Sendable (LedgerError) -> Void = CoordinatorConfiguration.endProcess
    ) {
        self.dataFolder = dataFolder
        self.host = host
        self.port = port
        self.tokenFile = tokenFile
        self.tlsCertificate = tlsCertificate
        self.tlsKey = tlsKey
        self.insecureLAN = insecureLAN
        self.lease = lease
        self.allowsTLS12 = allowsTLS12
        self.tick = tick
        self.logLevel = logLevel
        self.time = time
        self.onFatal = onFatal
    }

    /// Whether only this machine can reach it.
    package var isLoopback: Bool { Self.isLoopback(host) }

    var base: BasePath { BasePath(basePath) ?? .root }

    static func isLoopback(_ host: String) -> Bool { HostAddress(host)?.isLoopback ?? false }

    /// The host as it stands before `:PORT`, an IPv6 address in brackets.
    package var urlHost: String { host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host }

    func url(port: Int) -> String { "\(tlsCertificate == nil ? "http" : "https")://\(urlHost):\(port)" }

    /// Refuses what would be unsafe or cannot work.
    func validate() throws {
        guard (0...65535).contains(port) else {
            throw CoordinatorError(.badConfiguration, "port \(port): wanted 0 to 65535")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw CoordinatorError(.badConfiguration, "TLS needs both --tls-cert and --tls-key")
        }
        guard isLoopback || tlsCertificate != nil || insecureLAN else {
            throw CoordinatorError(
                .badConfiguration,
                """
                \(host) can be reached from other machines, and tokens would travel in the clear: give --tls-cert and --tls-key, \
                or --insecure-lan if you trust the network
                """)
        }
        for name in allowedHosts where HostAddress(name) == nil {
            throw CoordinatorError(.badConfiguration, "--allow-host \(name): wanted a host's name, without a port")
        }
        guard BasePath(basePath) != nil else {
            throw CoordinatorError(
                .badConfiguration,
                "--base-path \(basePath): wanted a path such as /node/HOST/7070, of letters, digits and -._~ between its slashes"
            )
        }
        guard lease >= .milliseconds(100) else {
            throw CoordinatorError(.badConfiguration, "--lease \(lease): wanted at least 0.1 seconds")
        }
    }
}
