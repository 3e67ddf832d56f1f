import CoordinatorCore
import CoordinatorOperations
import Foundation
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import Ports
import ServiceLifecycle
import SweepLedger
import SweepModel
import SweepWire
import Synchronization

/// The coordinator as a service: opens the ledger when made, serves until it is asked to stop.
package final class CoordinatorService: Service {
    private enum Listening {
        case starting([CheckedContinuation<Int, any Error>])
        case at(port: Int)
        case failed(any Error)

        var port: Int? { if case .at(let port) = self { port } else { nil } }
    }

    package let configuration: CoordinatorConfiguration
    package let logger: Logger
    private let links: LinkBook
    private let adminID = Mutex("")
    private let ledger: Ledger
    private let listening = Mutex<Listening>(.starting([]))
    let authority: OwnAuthority?

    /// - Throws: `CoordinatorError` or `LedgerError` with one clear message.
    package init(_ configuration: CoordinatorConfiguration, logger: Logger? = nil) throws {
        try configuration.validate()
        Ledger.tameAllocator()
        self.configuration = configuration
        self.logger = logger ?? Self.standardLogger(configuration.logLevel)
        links = LinkBook(time: configuration.time)
        let ledger = try Ledger(
            folder: configuration.dataFolder, time: configuration.time, onFatal: configuration.onFatal)
        self.ledger = ledger
        do {
            guard configuration.usesOwnAuthority else {
                authority = nil
                return
            }
            authority = try OwnAuthority(
                folder: configuration.dataFolder + "/tls", ledger: ledger.id, names: configuration.names,
                time: configuration.time)
        } catch {
            ledger.close()
            throw error
        }
    }

    /// Lines on stderr, with time, level and metadata.
    package static func standardLogger(_ level: Logger.Level) -> Logger {
        var logger = Logger(label: "coordinator") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        return logger
    }

    /// The port, once requests are served.
    ///
    /// - Throws: what `run` failed with.
    package func port() async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            listening.withLock { state in
                switch state {
                case .starting(let waiting): state = .starting(waiting + [continuation])
                case .at(let port): continuation.resume(returning: port)
                case .failed(let error): continuation.resume(throwing: error)
                }
            }
        }
    }

    /// Where clients reach it.
    package func url() async throws -> String {
        configuration.url(port: try await port())
    }

    /// The same for people: at no wildcard address, but at this machine's name.
    package func browserURL(_ url: String) -> String {
        guard ["0.0.0.0", "::", "[::]"].contains(configuration.host) else { return url }
        let parts = url.split(separator: ":")
        return "\(parts[0])://\(ProcessInfo.processInfo.hostName):\(parts[parts.count - 1])"
    }

    /// Serves until graceful shutdown or cancellation. The ledger is closed when it returns.
    package func run() async throws {
        do {
            try await serve()
            announce(.failure(CoordinatorError(.cannotListen, "the coordinator was stopped")))
            ledger.close()
        } catch {
            let clear = Self.clear(error, configuration)
            announce(.failure(clear))
            ledger.close()
            throw clear
        }
    }

    private func serve() async throws {
        let (tokens, admin) = try await TokenBook.prepare(configuration, ledger: ledger)
        let principal = try tokens.check(token: admin, wants: [.admin])
        adminID.withLock { $0 = principal.id }
        let sessions = DashboardSessions(ledger: ledger.id, time: configuration.time)
        var settings = CoordinatorSettings(ledger: ledger.id, epoch: ledger.epoch, lease: configuration.lease)
        settings.program = configuration.program
        // Workers have something to do at once; the core reads the others that wait while they do it.
        let start = try await ledger.snapshot(at: configuration.time.wall(), most: 5000)
        let engine = CoordinatorEngine(
            LiveLedgerWork(ledger), settings: settings, start: start, time: configuration.time,
            logger: logger)
        let gauge = DiskGauge(folder: configuration.dataFolder, space: configuration.space)
        let limits = configuration.connections
        let base = configuration.base
        var operations = Operations(
            engine: engine, tokens: tokens,
            workerSessions: WorkerSessionBook(try await ledger.sessionOwners()), gauge: gauge,
            registrations: RegistrationQuota(
                workers: limits.workersOfToken, atOnce: limits.registrationsAtOnce,
                perSecond: limits.registrationsASecond, time: configuration.time), lease: configuration.lease)
        operations.access = access()
        if configuration.servesProgram { operations.program = ProgramFiles(version: configuration.program ?? "") }
        let page = PageState(ledger: ledger, time: configuration.time)
        // The first who asks finds one that is ready.
        try await BlockingWork.query { [ledger] in ledger.spares.prepare() }
        let (told, lag) = (WebhookFigures(), LagGauge())
        let metrics = OperatorMetrics(
            engine: engine, gauge: gauge, space: configuration.space, webhooks: told, lag: lag, streams: page.streams,
            started: configuration.time.wall())
        let routes = Routes(
            operations: operations,
            mount: EndpointMount(
                tokens: tokens, logger: logger, sessions: sessions,
                failures: FailureBook(most: limits.refusedTokens, time: configuration.time)),
            sessions: sessions, links: links, page: page, metrics: metrics, base: base,
            isSecure: configuration.speaksTLS)
        let origin = RequestOrigin(
            isLoopback: configuration.isLoopback,
            allowed: Set(configuration.allowedHosts.compactMap { HostAddress($0) }))
        let lane = LaneCalls(
            operations: operations, mount: routes.mount, origin: origin, base: base, time: configuration.time)
        let application = Application(
            responder: FrontDoor(routes: routes.router().buildResponder(), origin: origin, base: base),
            server: try server(lane),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: "radiata",
                backlog: 1024, availableConnectionsDelegate: .maximum(Self.mostConnections(), logger: quiet(logger))),
            // Nobody is answered before this returns.
            onServerRunning: { [self] channel in
                let port = channel.localAddress?.port ?? configuration.port
                publish(admin, port)
                await handOver(tokens, port)
                announce(.success(port))
            },
            logger: quiet(logger))
        // Told to stop in reverse order: first waiting polls are answered, then connections end, then the
        // clock.
        let clocks =
            [
                quietly(Ticker(engine: engine, tick: configuration.tick, lag: lag)),
                quietly(Maintenance(engine: engine, gauge: gauge, paces: configuration.maintenance)),
                quietly(SweepFolders(engine: engine, pace: configuration.maintenance.folders)),
                quietly(PageKeeper(routes: routes)),
            ] + (try await teller(engine, gauge, told))
        var group = ServiceGroupConfiguration(
            services: clocks + keepers + [.init(service: application), quietly(PollEnder(engine: engine))],
            logger: quiet(logger))
        group.maximumGracefulShutdownDuration = Duration.seconds(3)
        do {
            try await ServiceGroup(configuration: group).run()
        } catch {
            withdraw(admin)
            throw error
        }
        withdraw(admin)
    }

    /// Tells the operator's addresses, where there are any.
    private func teller(
        _ engine: CoordinatorEngine, _ gauge: DiskGauge, _ figures: WebhookFigures
    ) async throws -> [ServiceGroupConfiguration.ServiceConfiguration] {
        let targets = configuration.webhooks.map(\.target)
        // From the first request on nothing is missed; addresses that are not there any more are forgotten.
        let verb = QueueWebhooks(targets, ledgerID: ledger.id, now: configuration.time.wall())
        while try await ledger.writer.perform(verb) {}
        let file = configuration.webhookSecretFile ?? configuration.dataFolder + "/webhook.secret"
        guard !configuration.webhooks.isEmpty else { return [] }
        let keeper = WebhookKeeper(
            engine: engine, gauge: gauge, hooks: configuration.webhooks, secret: try WebhookSecret.prepare(file),
            figures: figures, pace: configuration.maintenance.webhooks)
        return [quietly(keeper)]
    }

    /// Renews the certificate, where it is the coordinator's own.
    private var keepers: [ServiceGroupConfiguration.ServiceConfiguration] {
        guard let authority else { return [] }
        let keeper = CertificateKeeper(
            authority: authority, pace: configuration.maintenance.certificate, time: configuration.time,
            logger: logger)
        return [quietly(keeper)]
    }

    /// One whose end ends nothing else.
    private func quietly(_ service: any Service) -> ServiceGroupConfiguration.ServiceConfiguration {
        .init(service: service, successTerminationBehavior: .ignore)
    }

    private func access() -> JoinAccess {
        JoinAccess(authority: authority?.certificate, isLoopback: configuration.isLoopback) { [self] in
            listening.withLock { $0.port }.map(configuration.addresses) ?? []
        }
    }

    /// Writes the join file. The token in it stays good as long as the file holds it: workers that joined by
    /// an earlier start go on.
    private func handOver(_ tokens: TokenBook, _ port: Int) async {
        guard let path = configuration.joinFile else { return }
        do {
            let known = try? JoinFile.read(path).token  // none yet, or one of another coordinator
            let isGood = known.map { (try? tokens.check(token: $0, wants: [.worker])) != nil } ?? false
            let token: String
            if let known, isGood {
                token = known
            } else {
                let (id, text) = TokenBook.make(SystemRandom())
                try await ledger.writer.perform(
                    StoreToken(
                        token: TokenRecord(
                            id: id, hash: TokenBook.hash(text), scope: .worker, note: "--join-file",
                            created: configuration.time.wall().milliseconds)))
                tokens.replace(try await ledger.tokens())
                token = text
            }
            try JoinFile(
                addresses: configuration.addresses(port: port), authority: authority?.certificate, token: token
            ).write(to: path)
        } catch {
            logger.error("--join-file \(path) is not written, so nobody joins by it: \(error)")
        }
    }

    /// The path of a one-time link that lets a browser in as the coordinator's own user.
    package func link() -> String {
        configuration.base.text + links.make(token: adminID.withLock { $0 }, lifetime: LinkBook.startLifetime)
    }

    /// Puts the token where this user's commands find it.
    private func publish(_ token: String, _ port: Int) {
        guard let registry = configuration.registry else { return }
        do {
            try registry.publish(token, authority: authority?.certificate, port: port)
        } catch {
            logger.warning(
                "commands do not find the token by themselves, give them --token-file \(configuration.dataFolder)/admin.token: \(error)"
            )
        }
    }

    private func withdraw(_ token: String) {
        guard let registry = configuration.registry, case .at(let port) = listening.withLock({ $0 }) else { return }
        do {
            try registry.withdraw(token, port: port)
        } catch {
            logger.warning("\(registry.path(port: port)) stays: \(error)")
        }
    }

    /// Frameworks say much at the start and the end; ours is enough unless more was asked for.
    private func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = logger.logLevel <= .debug ? logger.logLevel : .critical
        return quiet
    }

    private func announce(_ result: Result<Int, any Error>) {
        let waiting = listening.withLock { state -> [CheckedContinuation<Int, any Error>] in
            guard case .starting(let waiting) = state else { return [] }
            switch result {
            case .success(let port): state = .at(port: port)
            case .failure(let error): state = .failed(error)
            }
            return waiting
        }
        if case .success(let port) = result {
            logger.info(
                "listening",
                metadata: [
                    "host": "\(configuration.host)", "port": "\(port)", "data": "\(configuration.dataFolder)",
                    "url": "\(configuration.url(port: port))",
                ])
        }
        for continuation in waiting { continuation.resume(with: result) }
    }
}

/// Lets the core look at its deadlines.
private struct Ticker: Service {
    let engine: CoordinatorEngine
    let tick: Duration
    let lag: LagGauge

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let began = engine.time.monotonic()
                do {
                    try await engine.time.sleep(for: tick)
                } catch is CancellationError {
                    return
                }
                lag.note(engine.time.monotonic() - began - tick)
                engine.tell(.tick)
            }
        }
    }
}

/// Answers what waits when the coordinator is asked to stop, so that no connection holds it up.
private struct PollEnder: Service {
    let engine: CoordinatorEngine

    func run() async throws {
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            // Stopped without grace: waiting requests are answered all the same.
        }
        engine.tell(.stop)
    }
}
