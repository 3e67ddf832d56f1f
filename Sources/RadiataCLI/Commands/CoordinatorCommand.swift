import ArgumentParser
import Coordinator
import Foundation
import Logging
import Ports
import SweepWire

struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator", abstract: "The coordinator: expands sweeps, hands out jobs, keeps the ledger.",
        subcommands: [Run.self, Document.self])

    struct Document: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "openapi", abstract: "Print the HTTP contract as an OpenAPI 3.1 document.")

        func run() { Console.out(String(OpenAPI.document(version: ProgramVersion.number).dropLast())) }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Serve until stopped.",
            discussion:
                """
                The first start writes an admin token to DATA/admin.token. Your own commands and workers on this machine find it by \
                themselves while the coordinator runs; other machines join by `radiata invite`, or with --token-file or RADIATA_TOKEN.

                With --listen 0.0.0.0:7070 the first start makes a certificate authority and a certificate in DATA/tls.
                """
        )

        @Option(help: "Folder of the ledger and the blobs; ~/.local/share/radiata if left out ($XDG_DATA_HOME).")
        var data: String?
        @Option(help: "HOST:PORT, an IPv6 address in brackets: [::1]:7070; port 0 lets the system choose.")
        var listen = "127.0.0.1:7070"
        @Option(help: "File with a further admin token to accept; only you may be able to read it.")
        var tokenFile: String?
        @Option(help: "Certificate (PEM); where others can reach the coordinator, it makes its own if left out.")
        var tlsCert: String?
        @Option(help: "Private key (PEM).")
        var tlsKey: String?
        @Option(help: "A further name by which a coordinator on loopback is called, as by a proxy. Repeatable.")
        var allowHost: [String] = []
        @Option(help: "Where a proxy before it serves it, such as /node/HOST/7070; it is served without it too.")
        var basePath = ""
        @Option(
            help:
                "A further name or address for other machines, with a port or without: of a router, a tunnel. Repeatable."
        )
        var advertise: [String] = []
        @Option(
            help: "Write a file by which workers join (worker run --join-file), in a folder that only you can read.")
        var joinFile: String?
        @Flag(help: "Serve TLS 1.2 beside 1.3.")
        var tls12 = false
        @Flag(help: "Serve other machines without TLS: only in a network you trust.")
        var insecureLan = false
        @Option(help: "Refused tokens a minute after which an address is told to wait.")
        var refusedTokens = 20
        @Option(help: "How long a silent attempt keeps its job: 60s, 2m.")
        var lease = "60s"

        @Option(help: "Back the ledger up into DATA/backups so often: 6h; never if left out.")
        var backupEvery: String?
        @Option(help: "How many of these backups stay.")
        var backupKeep = 7

        @Option(
            help: """
                Tell this address (POST, JSON, signed) what happens: URL, or KIND,KIND=URL for some of finished, failed, \
                stopped, suspended, disk. Repeatable.
                """)
        var webhook: [String] = []
        @Option(
            help: "File with the secret (whsec_…) that signs these messages; DATA/webhook.secret, made if left out.")
        var webhookSecretFile: String?

        func validate() throws {
            guard backupKeep >= 1 else { throw ValidationError("--backup-keep \(backupKeep): wanted at least 1") }
            guard refusedTokens >= 1 else {
                throw ValidationError("--refused-tokens \(refusedTokens): wanted at least 1")
            }
        }

        func run() async throws {
            LogOutput.bootstrap()
            umask(0o077)
            let address: ListenAddress
            do {
                address = try ListenAddress(listen)
            } catch {
                throw CommandFailure(.usage, error.description)
            }
            let folder = data.map(Paths.expanded) ?? Paths.folders.data
            var configuration = CoordinatorConfiguration(
                dataFolder: folder, host: address.host, port: address.port, tokenFile: tokenFile,
                tlsCertificate: tlsCert, tlsKey: tlsKey, insecureLAN: insecureLan,
                lease: try Self.duration(lease, option: "--lease"), allowsTLS12: tls12)
            configuration.connections.refusedTokens = refusedTokens
            configuration.allowedHosts = allowHost
            configuration.maintenance.backup = try backupEvery.map { try Self.duration($0, option: "--backup-every") }
            configuration.maintenance.keptBackups = backupKeep
            do {
                configuration.webhooks = try webhook.map { try Webhook($0) }
            } catch let error as CoordinatorError {
                throw CommandFailure(.usage, error.message)
            }
            configuration.webhookSecretFile = webhookSecretFile.map(Paths.expanded)
            configuration.basePath = basePath
            configuration.advertised = advertise
            configuration.joinFile = joinFile.map(Paths.expanded)
            configuration.program = ProgramVersion.text
            configuration.servesProgram = true
            configuration.registry = .ofThisUser()
            let isLoopback = configuration.isLoopback
            try UsableFolder.prepare(folder, option: "--data", what: "the ledger")
            do {
                try await CoordinatorDaemon.run(configuration) { url, link in
                    // Others may read a log, and from another machine open the link: there it is shown on a
                    // terminal only.
                    let isShown = isLoopback || isatty(STDOUT_FILENO) == 1
                    Console.out(
                        isShown
                            ? "dashboard (once, within an hour): \(link)\nlater: radiata open --coordinator \(url)"
                            : "dashboard: radiata open --coordinator \(url)")
                }
            } catch let error as CoordinatorError where error.code == .badConfiguration {
                throw CommandFailure(.usage, error.message)
            }
        }

        private static func duration(_ text: String, option: String) throws -> Duration {
            let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]
            for unit in units where text.hasSuffix(unit.suffix) {
                // A lease of more than a year is a slip of the pen.
                if let value = Double(text.dropLast(unit.suffix.count)), value > 0, value * unit.seconds < 3.2e7 {
                    return .milliseconds(Int64(value * unit.seconds * 1000))
                }
            }
            throw CommandFailure(.usage, "\(option) \(text): wanted a time such as 60s, 2m or 6h")
        }
    }
}
