import CoordinatorCore
import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing

/// A core with a clock moved by hand. The ledger is played by the test: it says what every commit came to.
struct CoreBench {
    var core: CoordinatorCore
    var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
    private var lastReply: UInt64 = 0
    /// Answers that left, by request.
    private(set) var replies: [ReplyID: CoordinatorReply] = [:]
    /// Commits nobody has answered yet, oldest first.
    private(set) var commits: [(id: CommitID, command: LedgerCommand)] = []
    private(set) var logs: [String] = []

    init(
        start: LedgerSnapshot = LedgerSnapshot(), lease: Duration = .seconds(60), patience: Duration? = nil,
        renewals: Double? = nil
    ) {
        var settings = CoordinatorSettings(ledger: "ledger", epoch: 1, lease: lease)
        if let patience { settings.patience = patience }
        if let renewals { settings.renewals = renewals }
        core = CoordinatorCore(settings: settings, start: start, now: now)
    }

    mutating func handle(_ event: CoordinatorEvent) {
        for effect in core.handle(event, now: now) {
            switch effect {
            case .commit(let id, let command): commits.append((id, command))
            case .reply(let id, let reply): replies[id] = reply
            case .log(let text): logs.append(text)
            }
        }
    }

    mutating func advance(_ duration: Duration) { now = now + duration }

    /// Ticks every second for so long.
    mutating func tick(for duration: Duration) {
        for _ in 0..<Int(duration.components.seconds) {
            advance(.seconds(1))
            handle(.tick)
        }
    }

    mutating func ask(_ event: (ReplyID) -> CoordinatorEvent) -> ReplyID {
        lastReply += 1
        let id = ReplyID(lastReply)
        handle(event(id))
        return id
    }

    mutating func takeCommit() throws -> (id: CommitID, command: LedgerCommand) {
        try #require(!commits.isEmpty)
        return commits.removeFirst()
    }

    static func session(_ worker: String, _ start: Int = 1) -> SessionID {
        SessionID(
            rawValue: String(repeating: "0", count: 24) + String(ContentDigest.of("\(worker)\(start)").text.prefix(8)))
    }

    mutating func register(
        _ worker: String, slots: Int = 1, labels: [String: String] = [:], coreVersions: [String]? = nil,
        gpus: [GPUDevice]? = nil
    ) throws {
        let request = RegisterRequest(
            WorkerRecord(
                worker: WorkerID(worker), name: worker, session: Self.session(worker), slots: slots, threads: 1,
                labels: labels, gpus: gpus?.count ?? 0, coreVersions: coreVersions, gpuDevices: gpus))
        _ = ask { .register(request, $0) }
        let commit = try takeCommit()
        handle(.committed(commit.id, .registered(leftovers: [], .active)))
    }

    mutating func poll(
        _ worker: String, _ number: UInt64, free: Int = 1, gpus: [Int]? = nil, wait: Double = 30, reports: [Report] = []
    )
        -> ReplyID
    {
        let request = ExchangeRequest(
            session: Self.session(worker), number: number, reports: reports, freeSlots: free, freeGPUs: gpus,
            waitSeconds: wait)
        return ask { .exchange(request, $0) }
    }

    mutating func heartbeat(_ worker: String, _ tokens: [AttemptToken]) -> ReplyID {
        ask {
            .heartbeat(
                HeartbeatRequest(session: Self.session(worker), attempts: tokens.map { AttemptProgress(token: $0) }), $0
            )
        }
    }

    /// A heartbeat that is answered at once.
    mutating func beat(_ worker: String, _ tokens: [AttemptToken]) throws -> [AttemptVerdict] {
        let id = heartbeat(worker, tokens)
        return try verdicts(id)
    }

    static func news(
        _ row: Int64, priority: Int = 0, needs: RequirementSpec = RequirementSpec(), avoid: WorkerID? = nil
    ) -> JobChange {
        JobChange(row: row, job: job(row), state: .waiting, priority: priority, needs: needs, avoid: avoid)
    }

    static func job(_ row: Int64) -> JobID { JobID(.of("job \(row)")) }

    static func token(_ row: Int64, _ attempt: Int = 1) -> AttemptToken {
        AttemptToken(ledger: "ledger", epoch: 1, job: job(row), attempt: AttemptNumber(attempt))
    }

    mutating func add(_ news: JobChange...) { handle(.changed(news, stopping: [], continuing: [])) }

    /// Lets the ledger grant all candidates of the oldest commit, and returns their rows.
    @discardableResult
    mutating func grant(
        attempt: Int = 1, workers: [WorkerChange] = [], needs: [Int64: RequirementSpec] = [:]
    ) throws -> [Int64] {
        let commit = try takeCommit()
        guard case .exchange(_, _, _, let reports, let rows) = commit.command else {
            Issue.record("wanted an exchange, found \(commit.command)")
            return []
        }
        let claims = rows.map { row in
            ClaimedJob(
                row: row, token: Self.token(row, attempt), spec: "{}", priority: 0,
                needs: needs[row] ?? RequirementSpec())
        }
        handle(
            .committed(
                commit.id,
                .exchanged(
                    ExchangeOutcome(
                        outcomes: reports.map { _ in .accepted }, claims: claims, leftCandidates: false,
                        workers: workers))))
        return rows
    }

    func exchanged(_ id: ReplyID) throws -> ExchangeResponse {
        guard case .exchanged(let response) = try #require(replies[id]) else {
            throw WireError(.internalFault, "another answer: \(String(describing: replies[id]))")
        }
        return response
    }

    func verdicts(_ id: ReplyID) throws -> [AttemptVerdict] {
        guard case .heartbeat(let response) = try #require(replies[id]) else {
            throw WireError(.internalFault, "another answer: \(String(describing: replies[id]))")
        }
        return response.verdicts
    }
}
