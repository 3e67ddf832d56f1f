import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

/// A real ledger in a temporary folder, with jobs, and the verbs of two workers as short calls.
final class LedgerBench {
    let folder: String
    private(set) var ledger: Ledger
    /// Moved by hand.
    var now = WallTime(milliseconds: 1_700_000_000_000)
    private var exchanges: UInt64 = 0

    init() throws {
        folder = NSTemporaryDirectory() + "ledger-\(SystemRandom().hexadecimal(bytes: 8))"
        ledger = try Self.open(folder)
    }

    deinit {
        ledger.close()
        do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record("\(folder) stays: \(error)") }
    }

    private static func open(_ folder: String) throws -> Ledger {
        try Ledger(folder: folder) { error in Issue.record("the ledger died: \(error)") }
    }

    /// Ends the ledger as a process that ends would, and opens it again.
    func reopen(after change: () throws -> Void = {}) throws {
        ledger.close()
        try change()
        ledger = try Self.open(folder)
    }

    static func job(_ name: String, retries: RetrySpec = RetrySpec()) throws -> ResolvedJob {
        ResolvedJob(
            id: JobID(.of(name)), configuration: ConfigurationID(.of("configuration")),
            sweep: try #require(SweepName("bench")), group: "g", trainer: .core, given: ["lr": .number(1e-4)],
            parameters: ["lr": .number(1e-4), "dim": .number(8)], seed: 1, retries: retries)
    }

    /// Launches a sweep with these jobs and returns their rows.
    @discardableResult
    func launch(_ names: [String], sweep: String = "bench", key: String? = nil, retries: RetrySpec = RetrySpec())
        async throws
        -> LaunchSweep.Outcome
    {
        try await ledger.writer.perform(
            LaunchSweep(
                key: key ?? SystemRandom().hexadecimal(bytes: 16), digest: names.joined(),
                name: try #require(SweepName(sweep)),
                fileDigest: "d", bundle: "{}", priority: 0, configurations: 1, checkpoints: 1,
                jobs: try names.map { try LaunchJob(Self.job($0, retries: retries)) }, now: now))
    }

    /// Launches these jobs as they are.
    @discardableResult
    func launch(_ jobs: [ResolvedJob], sweep: String = "bench") async throws -> LaunchSweep.Outcome {
        try await ledger.writer.perform(
            LaunchSweep(
                key: SystemRandom().hexadecimal(bytes: 16), digest: "d", name: try #require(SweepName(sweep)),
                fileDigest: "d", bundle: "{}", priority: 0, configurations: 1, checkpoints: 1,
                jobs: try jobs.map { try LaunchJob($0) }, now: now))
    }

    func register(_ worker: String, session: String = "s") async throws -> RegisterWorker.Outcome {
        try await ledger.writer.perform(
            RegisterWorker(
                worker: WorkerRecord(
                    worker: WorkerID(worker), name: worker, session: SessionID(rawValue: worker + session), slots: 1,
                    threads: 1, version: "test"), ledgerID: ledger.id, now: now))
    }

    func exchange(
        _ worker: String, _ reports: [Report] = [], claim: [Int64] = [], number: UInt64? = nil,
        session: String = "s"
    ) async throws -> ExchangeOutcome {
        exchanges += 1
        return try await ledger.writer.perform(
            ExchangeVerb(
                session: SessionID(rawValue: worker + session), worker: WorkerID(worker), number: number ?? exchanges,
                reports: reports,
                candidates: claim, ledgerID: ledger.id, epoch: ledger.epoch, now: now))
    }

    func claim(_ worker: String, _ row: Int64) async throws -> ClaimedJob {
        try #require(try await exchange(worker, claim: [row]).claims.first)
    }

    func report(_ worker: String, _ token: AttemptToken, _ body: Report.Body) async throws -> ReportOutcome {
        try #require(try await exchange(worker, [Report(token: token, body)]).outcomes.first)
    }

    func expire(_ token: AttemptToken) async throws -> [JobChange] {
        try await ledger.writer.perform(ExpireLeases(tokens: [token], now: now))
    }

    func metrics(_ token: AttemptToken, first: UInt64, _ steps: [Int64], _ values: [Double], key: String = "loss")
        async throws
        -> AppendMetrics.Outcome
    {
        try await ledger.writer.perform(
            AppendMetrics(
                token: token, first: first, series: [.init(key: key, steps: steps, values: values)], ledgerID: ledger.id
            ), .bulk)
    }

    /// A blob in the store, and its digest.
    func blob(_ text: String) async throws -> String {
        let data = Data(text.utf8)
        let digest = ContentDigest.of(text)
        _ = try ledger.blobs.begin(digest, bytes: data.count)
        _ = try ledger.blobs.put(digest, index: 0, checksum: CRC32C.of(data), bytes: data)
        let bytes = try ledger.blobs.seal(digest)
        try await ledger.store(digest, bytes: bytes, now: now)
        return digest.text
    }

    func checkpoint(step: Int, position: UInt64 = 0, final: Bool = false, content: String = "state") async throws
        -> Report.Body
    {
        let state = try await blob("\(content) \(step)")
        let adapter = try await blob("adapter \(content) \(step)")
        return .checkpoint(
            name: AttemptFolder.checkpointName(step: step),
            manifest: CheckpointManifest(
                step: step, epoch: step / 10, final: final,
                files: [
                    .init(name: "adapter.safetensors", kind: .adapter, bytes: 10, sha256: adapter),
                    .init(name: "state.json", kind: .state, bytes: 10, sha256: state),
                ]), position: position)
    }

    /// One file, as trainers write them that save adapter and state one after the other.
    func checkpoint(_ kind: CheckpointManifest.Kind, step: Int, content: String) async throws -> Report.Body {
        let sha256 = try await blob(content)
        let name = kind == .adapter ? AttemptFolder.checkpointName(step: step) : "state-\(step)"
        return .checkpoint(
            name: name,
            manifest: CheckpointManifest(
                step: step, epoch: 0, final: false,
                files: [.init(name: "file", kind: kind, bytes: 10, sha256: sha256)]), position: 0)
    }

    func query(_ sql: String) throws -> [[QueryValue]] { try ReadOnlyQuery(path: ledger.path).run(sql).rows }

    func state(_ name: String) throws -> QueryValue? {
        try query("SELECT state FROM jobs WHERE id = '\(JobID(.of(name)).text)'").first?.first
    }
}

extension Report.Body {
    static func finished(position: UInt64) -> Self { .finished(FinishReport(streamPosition: position)) }

    static func failed(_ failure: FailureClass, message: String, exitCode: Int?) -> Self {
        .failed(FailureReport(failure: failure, message: message, exitCode: exitCode))
    }

    static func checkpoint(name: String, manifest: CheckpointManifest, position: UInt64) -> Self {
        .checkpoint(CheckpointReport(name: name, manifest: manifest, streamPosition: position))
    }

    static func evaluations(rows: [EvaluationRow], completed: [String]) -> Self {
        .evaluations(EvaluationReport(rows: rows, completed: completed))
    }
}
