import Foundation
import Glibc
import Ports
import SweepClient
import SweepModel
import SweepWire

/// A coordinator of its own for a measurement: a real process, a real ledger with every commit synced, in a
/// temporary folder that is removed afterwards.
final class BenchCoordinator {
    let cluster: LocalCluster
    let client: SweepClient
    private let clock = SuspendingClock()

    var ledger: String { cluster.folder + "/coordinator/ledger.db" }

    /// - Parameters:
    ///   - place: folder on the disk to measure; the system's temporary folder if nil.
    ///   - kept: the folder itself, which stays; nil for one of its own.
    init(place: String?, kept: String? = nil) throws {
        let parent = place.map { Paths.expanded($0) } ?? NSTemporaryDirectory()
        let own = "\(parent)/radiata-bench-\(SystemRandom().hexadecimal(bytes: 8))"
        cluster = try LocalCluster(folder: kept.map { Paths.expanded($0) } ?? own)
        client = try cluster.client()
        Self.raiseDescriptorLimit()
    }

    /// Runs a measurement with a coordinator, and cleans up.
    ///
    /// - Parameter kept: a folder that stays, with its ledger.
    static func with<Value>(
        place: String?, kept: String? = nil, _ body: (BenchCoordinator) async throws -> Value
    ) async throws -> Value {
        let coordinator = try BenchCoordinator(place: place, kept: kept)
        let cluster = coordinator.cluster
        let interrupt = InterruptHandler {
            cluster.stop()
            if kept == nil { Self.remove(cluster.folder) }
        }
        defer {
            interrupt.cancel()
            cluster.stop()
            if kept == nil { Self.remove(cluster.folder) }
        }
        _ = try await coordinator.start()
        return try await body(coordinator)
    }

    private static func remove(_ folder: String) {
        do { try FileManager.default.removeItem(atPath: folder) } catch { Console.note("\(folder) stays: \(error)") }
    }

    /// - Parameter within: runs what starts the process.
    /// - Returns: seconds from the start of the process to its first answer.
    func start(within: (() throws -> Void) throws -> Void = { try $0() }) async throws -> Double {
        let began = clock.now
        try within { try cluster.startCoordinator() }
        while true {
            do {
                _ = try await client.call(.health, Nothing(), retry: .never)
                return seconds(since: began)
            } catch let error as ClientError where error.code == .unreachable {
                guard cluster.casualties() == nil, seconds(since: began) < 120 else {
                    throw CommandFailure(.failed, cluster.casualties() ?? "the coordinator does not answer")
                }
                try await Task.sleep(for: .milliseconds(2))
            }
        }
    }

    func stop() { cluster.stop() }

    /// A client with a token of its own for workers, and the same for connections without a client.
    func workerPlace() async throws -> (SweepClient, BenchConnection.Place) {
        let token = try await client.call(.createToken, TokenRequest(scope: .worker, note: "bench")).token
        guard let port = client.address.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw CommandFailure(.failed, "\(client.address) has no port")
        }
        return (
            SweepClient(try ClientConfiguration(coordinator: client.address, token: token)),
            BenchConnection.Place(port: port, token: token)
        )
    }

    func seconds(since began: SuspendingClock.Instant) -> Double { began.duration(to: clock.now).inSeconds }
    var now: SuspendingClock.Instant { clock.now }

    func time<Value>(_ body: () async throws -> Value) async throws -> (value: Value, seconds: Double) {
        let began = clock.now
        let value = try await body()
        return (value, seconds(since: began))
    }

    /// Launches `jobs` jobs that do nothing.
    ///
    /// - Parameters:
    ///   - mostSeeds: of a configuration, at most.
    ///   - firstSeed: others make other jobs.
    /// - Returns: seconds until the launch was answered.
    func launch(
        _ jobs: Int, name: String = "bench", mostSeeds: Int = 1000, firstSeed: Int = 1
    ) async throws -> Double {
        let seeds = (1...mostSeeds).last { jobs.isMultiple(of: $0) } ?? 1
        // One list of 200,000 rates would be a larger text than a sweep file may have.
        let configurations = jobs / seeds
        let rates = configurations <= 50_000 ? configurations : (1...1000).last { configurations.isMultiple(of: $0) }
        let decays = configurations / (rates ?? 1)
        func list(_ count: Int) -> String { (1...count).map { "\($0)e-9" }.joined(separator: ", ") }
        let text = """
            name: \(name)
            trainer: { command: ["true", "{lr}", "{seed}"\(decays > 1 ? ", \"{wd}\"" : "")] }
            seeds: [\((firstSeed..<firstSeed + seeds).map(String.init).joined(separator: ", "))]
            groups: [ { name: g, grid: { lr: [ \(list(rates ?? 1)) ]\(decays > 1 ? ", wd: [ \(list(decays)) ]" : "") } } ]
            """
        let request = LaunchRequest(
            key: SystemRandom().hexadecimal(bytes: 16), bundle: LaunchBundle(fileName: "bench.yaml", text: text))
        let (answer, seconds) = try await time {
            try await client.call(.launch, request, retry: .never, timeLimit: .seconds(3600))
        }
        guard answer.jobs == jobs else {
            throw CommandFailure(.failed, "launched \(answer.jobs) jobs, wanted \(jobs)")
        }
        return seconds
    }

    /// Thousands of connections need descriptors on both sides.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// A worker without a trainer: claims and reports as fast as it is answered.
struct BenchWorker {
    let client: SweepClient
    let session = SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16))
    private var number: UInt64 = 0

    init(_ name: String, client: SweepClient, slots: Int = 1) async throws {
        self.client = client
        _ = try await client.call(
            .register,
            RegisterRequest(
                WorkerRecord(
                    worker: WorkerID(SystemRandom().hexadecimal(bytes: 16)), name: name, session: session, slots: slots,
                    threads: 1)))
    }

    mutating func exchange(_ reports: [Report] = [], free: Int = 1, wait: Double = 0) async throws -> BenchAnswer {
        number += 1
        return try await client.call(
            BenchAnswer.exchange,
            ExchangeRequest(session: session, number: number, reports: reports, freeSlots: free, waitSeconds: wait),
            retry: .forever, timeLimit: .seconds(60))
    }

    func heartbeat(_ tokens: [AttemptToken]) async throws {
        _ = try await client.call(
            .heartbeat, HeartbeatRequest(session: session, attempts: tokens.map { AttemptProgress(token: $0) }))
    }
}

/// What a worker that runs nothing reads of an exchange: the measurement is of the coordinator, not of this
/// machine's JSON reader.
struct BenchAnswer: Codable, WireResponse {
    struct Grant: Codable { var token: AttemptToken }

    var outcomes: [ReportOutcome]
    var grants: [Grant]

    static var content: WireContent { ExchangeResponse.content }

    static let exchange = Endpoint<ExchangeRequest, BenchAnswer>(
        Endpoint<ExchangeRequest, ExchangeResponse>.exchange.name, .post,
        Endpoint<ExchangeRequest, ExchangeResponse>.exchange.path, scopes: [.worker])
}

/// What the kernel says of a process.
struct ProcessFigures {
    let residentMegabytes: Double
    let cpuSeconds: Double

    init(pid: Int32) throws {
        let status = try String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8).split(separator: " ")
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard status.count > 1, let pages = Double(status[1]), fields.count > 13, let user = Double(fields[12]),
            let system = Double(fields[13])
        else { throw CommandFailure(.failed, "/proc/\(pid) cannot be read") }
        residentMegabytes = pages * Double(sysconf(Int32(_SC_PAGESIZE))) / 1e6
        cpuSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

extension [Double] {
    /// The value below which a share of the sorted values lies.
    func quantile(_ share: Double) -> Double {
        guard !isEmpty else { return .nan }
        let sorted = sorted()
        return sorted[Swift.min(count - 1, Int(share * Double(count)))]
    }
}
