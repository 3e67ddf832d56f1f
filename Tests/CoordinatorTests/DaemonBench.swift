import Coordinator
import Foundation
import Logging
import Ports
import ServiceLifecycle
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import Testing

/// A real coordinator in this process: real SQLite in a temporary folder, real HTTP on a port of the system's
/// choice.
final class DaemonBench: Sendable {
    let folder: String
    var configuration: CoordinatorConfiguration { state.withLock { $0.configuration } }
    private typealias Running = (task: Task<Void, any Error>, group: ServiceGroup)

    private let state: Mutex<(running: Running?, url: String, configuration: CoordinatorConfiguration)>
    /// The admin's, with which the bench calls where a test gives no token; nil where the test is about
    /// tokens.
    private let admin = Mutex<String?>(nil)

    var url: String { state.withLock { $0.url } }

    /// What a test changes of the usual configuration.
    struct Options {
        var limits = ConnectionLimits()
        var certificate: String?
        var key: String?
        var allowsTLS12 = false
        var maintenance = MaintenancePaces()
        var allowedHosts: [String] = []
        var registry: CoordinatorRegistry?
        var basePath = ""
        /// With an address that others reach the coordinator makes its own certificate.
        var host = "127.0.0.1"
        var joinFile: String?
        var time: (any TimeSource)?
        /// The disk as the test plays it; nil for the real one.
        var space: (@Sendable (String) throws -> DiskSpace)?

        static func limits(_ change: (inout ConnectionLimits) -> Void) -> Options {
            var options = Options()
            change(&options.limits)
            return options
        }
    }

    init(
        lease: Duration = .seconds(60), port: Int = 0, tokenFile: String? = nil,
        _ options: Options = Options()
    ) {
        folder = NSTemporaryDirectory() + "coordinator-\(SystemRandom().hexadecimal(bytes: 8))"
        var configuration = CoordinatorConfiguration(
            dataFolder: folder, host: options.host, port: port, tokenFile: tokenFile, lease: lease,
            tick: .milliseconds(20),
            logLevel: .error,
            onFatal: { Issue.record("the ledger died: \($0)") })
        configuration.connections = options.limits
        configuration.tlsCertificate = options.certificate
        configuration.tlsKey = options.key
        configuration.allowsTLS12 = options.allowsTLS12
        configuration.maintenance = options.maintenance
        configuration.allowedHosts = options.allowedHosts
        configuration.registry = options.registry
        configuration.basePath = options.basePath
        configuration.joinFile = options.joinFile
        if let time = options.time { configuration.time = time }
        if let space = options.space { configuration.space = space }
        state = Mutex((nil, "", configuration))
    }

    /// Runs the body with a coordinator that is stopped and removed afterwards.
    static func with<Value>(
        lease: Duration = .seconds(60), _ options: Options = Options(), tokenFile: String? = nil,
        _ body: (DaemonBench) async throws -> Value
    ) async throws -> Value {
        let bench = DaemonBench(lease: lease, tokenFile: tokenFile, options)
        do {
            try await bench.start()
            let value = try await body(bench)
            try await bench.end()
            return value
        } catch {
            try await bench.end()
            throw error
        }
    }

    func start() async throws {
        let service = try CoordinatorService(configuration)
        let group = ServiceGroup(services: [service], logger: service.logger)
        let task = Task { try await group.run() }
        state.withLock { $0.running = (task, group) }
        let url = try await service.url()
        state.withLock { $0.url = url }
        guard configuration.tokenFile == nil else { return }
        let text = try DiskFiles().readText(folder + "/admin.token").trimmingCharacters(in: .newlines)
        admin.withLock { $0 = text }
    }

    /// The coordinator's own authority (PEM); nil where it has none.
    var authority: String? {
        FileManager.default.contents(atPath: folder + "/tls/authority.pem").map { String(decoding: $0, as: UTF8.self) }
    }

    /// What the bench calls with; nil for nothing.
    var token: String? { admin.withLock { $0 } }

    /// Stops it and returns when the ledger is closed.
    func stop() async throws {
        let running = state.withLock { state in
            defer { state.running = nil }
            return state.running
        }
        // With grace, as the program does: cancelling a server that has just accepted a connection ends the
        // process in swift-nio (a writer that nobody finished).
        await running?.group.triggerGracefulShutdown()
        try await running?.task.value
    }

    func end() async throws {
        try await stop()
        try FileManager.default.removeItem(atPath: folder)
    }

    func client(token: String? = nil) throws -> SweepClient {
        var configuration = try ClientConfiguration(coordinator: url, token: token ?? self.token)
        if url.hasPrefix("https:"), let authority { configuration.trust = .pinned(authority) }
        return SweepClient(configuration)
    }

    func call<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, token: String? = nil
    ) async throws -> Response {
        try await client(token: token).call(endpoint, request, retry: .never, timeLimit: .seconds(40))
    }

    static func bundle(_ rates: [String], name: String = "t") -> LaunchBundle {
        let points = rates.map { "{ lr: \($0) }" }.joined(separator: ", ")
        let text = """
            name: \(name)
            trainer:
              command: [train, --lr, "{lr}", --seed, "{seed}"]
            seeds: [1]
            groups: [ { name: g, list: [ \(points) ] } ]
            """
        return LaunchBundle(fileName: "t.yaml", text: text)
    }

    @discardableResult
    func launch(_ rates: [String], name: String = "t") async throws -> LaunchResponse {
        try await call(
            .launch, LaunchRequest(key: SystemRandom().hexadecimal(bytes: 16), bundle: Self.bundle(rates, name: name)))
    }

    /// Runs the body with a coordinator that the bench itself shows no token; the body gets the one of the
    /// token file.
    static func withTokens<Value>(
        _ options: Options = Options(), _ body: (DaemonBench, String) async throws -> Value
    ) async throws -> Value {
        let secret = SystemRandom().hexadecimal(bytes: 32)
        let file = NSTemporaryDirectory() + "token-\(SystemRandom().hexadecimal(bytes: 8))"
        try DiskFiles().writeAtomically(Array(secret.utf8), to: file, mode: 0o600)
        defer { do { try DiskFiles().remove(file) } catch { Issue.record("\(file) stays: \(error)") } }
        return try await with(options, tokenFile: file) { try await body($0, secret) }
    }

    var raw: RawHTTP { RawHTTP(url, token: token) }

    func query(_ sql: String) async throws -> [[QueryValue]] {
        try await call(.query, QueryRequest(sql: sql)).rows
    }
}

/// A worker played by hand over HTTP.
actor HandWorker {
    let bench: DaemonBench
    nonisolated let worker: WorkerID
    var session: SessionID
    private var number: UInt64 = 0
    /// Keeps its connection, as a worker does; a restarted coordinator has another address.
    private var client: SweepClient?

    init(_ name: String, _ bench: DaemonBench) async throws {
        self.bench = bench
        worker = WorkerID(name)
        session = SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16))
        _ = try await register()
    }

    /// Connects anew at the next exchange.
    func reconnect() { client = nil }

    /// Plays a new start of the worker.
    func restart() async throws -> RegisterResponse {
        session = SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16))
        number = 0
        return try await register()
    }

    func register() async throws -> RegisterResponse {
        try await bench.call(
            .register,
            RegisterRequest(WorkerRecord(worker: worker, name: worker.text, session: session, slots: 1, threads: 1)))
    }

    func exchange(_ reports: [Report] = [], free: Int = 0, wait: Double = 0) async throws -> ExchangeResponse {
        number += 1
        let client = try self.client ?? bench.client()
        self.client = client
        return try await client.call(
            .exchange,
            ExchangeRequest(session: session, number: number, reports: reports, freeSlots: free, waitSeconds: wait),
            retry: .never, timeLimit: .seconds(40))
    }

    func claim(wait: Double = 30) async throws -> Grant {
        try #require(try await exchange(free: 1, wait: wait).grants.first).grant()
    }

    func report(_ token: AttemptToken, _ body: Report.Body) async throws -> ReportOutcome {
        try #require(try await exchange([Report(token: token, body)]).outcomes.first)
    }

    func heartbeat(_ token: AttemptToken) async throws -> AttemptVerdict? {
        try await bench.call(
            .heartbeat, HeartbeatRequest(session: session, attempts: [AttemptProgress(token: token)])
        ).verdicts.first
    }

    /// Uploads a blob in its only chunk.
    func upload(_ text: String) async throws -> String { try await upload(Array(text.utf8)) }

    func upload(_ bytes: [UInt8]) async throws -> String {
        let data = Data(bytes)
        let digest = ContentDigest.of(bytes).text
        let status = try await bench.call(.beginBlob, BlobBegin(sha256: digest, bytes: data.count))
        if status.state == .complete { return digest }
        _ = try await bench.call(.putChunk, BlobChunk(sha256: digest, index: 0, checksum: CRC32C.of(data), bytes: data))
        #expect(try await bench.call(.commitBlob, BlobRequest(sha256: digest)).state == .complete)
        return digest
    }
}
