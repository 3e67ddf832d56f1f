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
    /// Names and addresses under which other machines reach it, besides those that it finds out by itself: of
    /// a router before it, of a tunnel.
    package var advertised: [String] = []
    /// The program's build, told to workers.
    package var program: String?
    /// Whether workers may take this very program (`worker run --self-update`).
    package var servesProgram = false
    /// A file that tells workers where it is and lets them in, written when it listens: where its address is
    /// not known beforehand.
    package var joinFile: String?
    /// Addresses that are told what happens. Nothing else is ever called.
    package var webhooks: [Webhook] = []
    /// What messages to them are signed with; made in the data folder if left out.
    package var webhookSecretFile: String?
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

    /// Whether it makes its certificate itself: others reach it, and nobody gave one.
    package var usesOwnAuthority: Bool { !isLoopback && tlsCertificate == nil && !insecureLAN }
    var speaksTLS: Bool { tlsCertificate != nil || usesOwnAuthority }
    private var scheme: String { speaksTLS ? "https" : "http" }
    private var isWildcard: Bool { ["0.0.0.0", "::", "[::]"].contains(host) }

    func url(port: Int) -> String { "\(scheme)://\(urlHost):\(port)" }

    /// Names under which it is called, those first that others are likeliest to reach it by.
    func names() -> [HostAddress] {
        let told = advertised.compactMap { HostAndPort($0)?.host }
        let own = isWildcard ? MachineNames.all() : [HostAddress(host)].compactMap { $0 } + MachineNames.all()
        return told + own.filter { !told.contains($0) }
    }

    /// URLs for other machines; for this one alone where no other reaches it.
    func addresses(port: Int) -> [String] {
        let told = advertised.compactMap { HostAndPort($0) }.map { place in
            "\(scheme)://\(place.host.urlText):\(place.port ?? port)"
        }
        guard isWildcard else { return told + [url(port: port)] }
        return told + MachineNames.all().filter { !$0.isLoopback }.map { "\(scheme)://\($0.urlText):\(port)" }
    }

    /// Refuses what would be unsafe or cannot work.
    func validate() throws {
        guard (0...65535).contains(port) else {
            throw CoordinatorError(.badConfiguration, "port \(port): wanted 0 to 65535")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw CoordinatorError(.badConfiguration, "TLS needs both --tls-cert and --tls-key")
        }
        for name in advertised where HostAndPort(name) == nil {
            throw CoordinatorError(
                .badConfiguration, "--advertise \(name): wanted a host's name or address, with a port or without")
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
