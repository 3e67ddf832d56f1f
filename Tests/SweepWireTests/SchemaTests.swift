import Foundation
import Ports
import RunSpec
import SweepModel
import SweepWire
import Testing

/// What is declared beside a payload against what its encoder writes, by a validator of its own.
@Suite("Schemas")
struct SchemaTests {
    private static let digest = ContentDigest.of("x").text
    private static let token = AttemptToken(
        ledger: "0123", epoch: 1, job: JobID(.of("job")), attempt: AttemptNumber(2))

    private func check<Payload: WireRequest>(_ payloads: Payload...) throws {
        for payload in payloads { try check(Payload.content, try payload.body(), "\(Payload.self)") }
    }

    private func check<Payload: WireResponse>(answer payloads: Payload...) throws {
        for payload in payloads { try check(Payload.content, try payload.body(), "\(Payload.self)") }
    }

    private func check(_ content: WireContent, _ body: Data, _ name: String) throws {
        guard case .json(let schema) = content else {
            Issue.record("\(name) has no schema")
            return
        }
        let value = try JSONSerialization.jsonObject(with: body, options: .fragmentsAllowed)
        #expect(Self.faults(value, schema.json, at: name) == [])
    }

    @Test("requests: every field that is written is declared, and every declared one may be written")
    func requests() throws {
        let session = SessionID(rawValue: String(repeating: "0", count: 32))
        let manifest = CheckpointManifest(
            step: 1, epoch: 0, final: true,
            files: [
                .init(name: "a", kind: .adapter, bytes: 1, sha256: Self.digest),
                .init(name: "b", kind: .state, bytes: 1),
            ])
        let row = EvaluationRow(
            checkpoint: "base", epoch: 0, step: 0, class: "", prompts: "p", metric: "m", value: .nan, n: 3,
            values: [0.5, nil, .nan])
        let artifact = StoredArtifact(checkpoint: "c", kind: "k", name: "n", sha256: Self.digest, bytes: 1)
        let bodies: [Report.Body] = [
            .checkpoint(CheckpointReport(name: "step-1", manifest: manifest, streamPosition: .max)),
            .evaluations(EvaluationReport(rows: [row], completed: ["base"])),
            .artifacts(ArtifactReport(rows: [artifact])),
            .log(
                LogReport(
                    offset: 3, text: "t", line: "9%",
                    notices: [AttemptNotice(kind: "metric-step", count: 1, detail: "d")])),
            .finished(FinishReport(streamPosition: 0)),
            .failed(FailureReport(failure: .oom, message: "m", exitCode: -9)),
            .released(ReleaseReport(reason: .restart)),
        ]
        try check(
            RegisterRequest(
                WorkerRecord(
                    worker: WorkerID("w"), name: "n", session: session, slots: 1, threads: 2, labels: ["a": "b"],
                    gpus: 1,
                    memory: .max, version: "v", coreVersions: ["1.1"],
                    gpuDevices: [GPUDevice(index: "0", uuid: "u", name: "n", memory: .max)], gpuShare: 2)))
        try check(GoodbyeRequest(session: session))
        try check(ForgetRequest(worker: "w"))
        try check(
            ExchangeRequest(
                session: session, number: 1, reports: bodies.map { Report(token: Self.token, $0) }, freeSlots: 1,
                freeGPUs: [0, 1], waitSeconds: 0.5))
        try check(
            HeartbeatRequest(
                session: session, attempts: [AttemptProgress(token: Self.token, step: 1, phase: "training")]))
        try check(BlobBegin(sha256: Self.digest, bytes: 0))
        try check(BlobsRequest(sha256: [Self.digest]))
        let tree = TreeDigest(folder: [TreeFile(path: "a", size: 1, sha256: .of("a"))])
        try check(
            LaunchRequest(
                key: String(repeating: "0", count: 32),
                bundle: LaunchBundle(
                    fileName: "f", text: "t", files: ["p": ResolvedFile(path: "p", text: "t")],
                    inputs: ["b": ResolvedInput(path: "b", digest: .of("b"))], priority: 3),
                inputs: [InputList(name: "b", tree: tree)]))
        try check(
            ActionRequest(action: .resume, target: "t", failure: .nan), ActionRequest(action: .pause, target: "t"),
            ActionRequest(action: .resume, target: "t", budget: SweepBudget(hours: 1, money: 2)))
        try check(InviteRequest(note: "n", lifetime: 60))
        try check(
            EnrolRequest(
                code: EnrolmentCode(SeededRandom(seed: 1)).text, token: "0123456789ab", hash: Self.digest, name: "n"))
        try check(DrainRequest(worker: "w"))
        try check(QueryRequest(sql: "SELECT 1"))
        try check(TokenRequest(scope: .read), TokenRequest(scope: .admin, note: "n", lifetime: 5))
        try check(RevokeRequest(id: "i"))
        try check(
            BranchRequest(way: .extend, job: "j", epochs: 5, checkpoints: [4]),
            BranchRequest(way: .rerun, job: "j", set: ["lr": 1, "alpha": nil, "betas": [0.9, 0.99]]))
        try check(ReclaimRequest(sweep: "s", action: .archive, isTrial: true))
        try check(AnnotateRequest(target: "t", add: ["a"], remove: ["b"], note: "n"), AnnotateRequest(target: "t"))
    }

    @Test("answers: every field that is written is declared")
    func answers() throws {
        let job = ResolvedJob(
            id: JobID(.of("job")), configuration: ConfigurationID(.of("c")), sweep: try #require(SweepName("s")),
            group: "g", trainer: .core, given: ["lr": .number(1)], parameters: ["lr": .number(1)], seed: 1,
            base: ResolvedInput(path: "b", digest: .of("b")), timeoutSeconds: 5)
        let file = BlobFile(name: "a", sha256: Self.digest, bytes: 1)
        let grant = Grant(
            token: Self.token, job: job, leaseSeconds: 60,
            resume: StoredCheckpoint(name: "c", step: 1, epoch: 0, files: [file]),
            trained: [StoredCheckpoint(name: "c", step: 1, epoch: 0, isFinal: false, files: [file])],
            evaluated: ["base"])
        try check(
            answer: ExchangeResponse(
                number: 1,
                outcomes: [.accepted, .gap(expected: 3), .missingBlobs(["b"]), .refused("why"), .notTried],
                grants: [.read(grant)], stops: [StopOrder(token: Self.token, reason: .drain)]))
        try check(answer: HeartbeatResponse(verdicts: [.fine, .superseded], isDraining: true))
        try check(
            answer: RegisterResponse(
                ledger: "l", epoch: 1, leaseSeconds: 60, heartbeatSeconds: 10, leftovers: [Self.token],
                program: "0.1.0"))
        try check(answer: MetricAcknowledgement(next: .max))
        try check(answer: BlobStatus(state: .open, bytes: 5, missing: [0, 1]))
        try check(answer: BlobsMissing(missing: ["x"]))
        try check(
            answer: LaunchResponse(sweep: "s", configurations: 1, jobs: 1, added: 1, shared: 0, missingBlobs: ["x"]))
        for earlier in [
            nil,
            EarlierRuns(
                runs: 2, secondsPerJob: 1.5, secondsPerEpoch: 0.5, isSameData: true, deviation: 0.1, unit: .step),
        ] {
            try check(
                answer: SweepHistory(
                    jobs: earlier.map { _ in 3 }, isRepeat: true, earlier: earlier, slots: 1, slotPrice: 0.5,
                    workers: 2,
                    holders: [Self.digest: 1]))
        }
        let summary = JobSummary(
            id: Self.digest, sweep: "s", group: "g", configuration: "1", state: "done", seed: 1, attempts: 1,
            worker: "w",
            failure: "oom", message: "m", parameters: ["lr": .number(1)], created: 1, updated: 2,
            workerID: "w", waitsFor: "a reason", parent: Self.digest, tags: ["t"], note: "n")
        try check(answer: Items([summary]))
        var sweep = SweepSummary(
            name: "s", created: 1, priority: 0, configurations: 1, states: ["done": 1], checkpoints: 1,
            state: "stopped", reason: "r", since: 1, remedy: "c")
        sweep.evaluations = ["waiting": 1]
        sweep.preparations = ["done": 1]
        (sweep.tags, sweep.note, sweep.archived) = (["t"], "n", 1)
        sweep.budget = BudgetStanding(budget: SweepBudget(hours: 1, money: 2), hours: 0.5, money: 0)
        try check(
            answer: BranchResponse(
                job: Self.digest, parent: Self.digest, sweep: "s", state: "waiting", isNew: true, epoch: 1, step: 2,
                notice: "n"))
        var report = ReclaimReport(sweep: "s", action: .delete)
        report.shared = [.init(job: Self.digest, sweeps: ["b"])]
        report.sharedWith = ["b"]
        try check(answer: report)
        try check(answer: Annotations(target: "t", isSweep: true, tags: ["a"], note: "n"))
        let worker = WorkerSummary(
            id: "w", name: "n", state: "connected", slots: 1, busy: 0, labels: ["a": "b"], gpus: 0, lastSeen: 1,
            jobs: [Self.digest], reason: "r", since: 1, remedy: "c", memory: 1, coreVersions: ["1.1"],
            gpuDevices: [GPUDevice(vendor: .amd, index: "0")], gpuShare: 1)
        let brief = JobBrief(id: Self.digest, sweep: "s", state: "waiting", waitsFor: "a reason")
        try check(answer: StatusResponse(sweeps: [sweep], workers: [worker], notice: "n", jobs: [brief]))
        try check(
            answer: JobDetail(
                job: summary, sweeps: ["s"],
                attempts: [
                    .init(
                        number: 1, worker: "w", started: 1, ended: 2, outcome: "done", failure: "f", message: "m",
                        resumedStep: 0, workerID: "w")
                ], checkpoints: [.init(name: "c", attempt: 1, step: 1, epoch: 0, files: [file])],
                latest: ["loss": .infinity, "lr": 0.1], events: [.init(at: 1, kind: "claim", attempt: 1, detail: "")],
                notices: [.init(attempt: 1, kind: "metric-step", count: 2, detail: "d")],
                base: .init(path: "b", digest: Self.digest), sampling: .init(sampler: "ddim", steps: 2, guidance: 3.5),
                data: .init(path: "d", digest: Self.digest),
                origin: .init(
                    way: "extend", parent: Self.digest, epoch: 1, step: 2, changes: ["epochs": 5], notice: "n"),
                children: [.init(way: "rerun", job: Self.digest)]))
        try check(answer: LogText(attempt: 1, offset: 0, text: "t", next: 1, isComplete: true, line: "9%"))
        try check(answer: ActionResponse(changed: 1, stopping: 0, untouched: 0, notice: "n"))
        try check(
            answer: QueryResponse(
                columns: ["a"], rows: [[.null, .integer(.max), .real(0.5), .text("t"), .blob([0])]], isTruncated: false
            ))
        try check(answer: TokenResponse(id: "i", token: "t"))
        try check(
            answer: InviteResponse(
                code: "c", addresses: ["https://a"], authority: Self.digest, isLoopback: false, expires: 1))
        try check(answer: EnrolResponse(scope: .worker))
        try check(answer: AuthorityResponse(certificate: "PEM"))
        try check(
            answer: ProgramResponse(
                version: "0.1.0", platform: "Linux x86_64", sha256: Self.digest,
                files: [ProgramFile(path: "radiata", sha256: Self.digest, bytes: 1)]))
        try check(
            answer: Items([TokenSummary(id: "i", scope: .read, note: "", created: 1, expires: 2, isRevoked: false)]))
        try check(answer: BackupResponse(path: "p", bytes: 1))
        try check(answer: CollectResponse(removedBlobs: 1, removedBytes: 1))
        try check(answer: CheckResponse(sqlite: "3", findings: [], notes: ["n"]))
        try check(
            answer: HealthResponse(program: "radiata", protocolVersion: 1, ledger: "l", epoch: 1, uptimeSeconds: 0.5))
        try check(answer: InputList(name: "n", tree: TreeDigest(file: TreeFile(path: "a", size: 1, sha256: .of("a")))))
    }

    @Test("the validator itself finds what is wrong")
    func validator() {
        let schema = WireSchema.object(["a": .integer(0, 5)], optional: ["b": .text(pattern: "^x+$")]).json
        let cases: [([String: Any], Int)] = [
            (["a": 5], 0), (["a": 6], 1), (["a": "5"], 1), ([:], 1), (["a": 1, "b": "xx"], 0), (["a": 1, "b": "y"], 1),
            (["a": 1, "c": 1], 1), (["a": 1.5], 1),
        ]
        for (value, count) in cases { #expect(Self.faults(value, schema, at: "").count == count, "\(value)") }
    }

    /// Faults of a JSON value, and fields of objects that the schema does not name.
    private static func faults(_ value: Any, _ schema: [String: SchemaJSON], at path: String) -> [String] {
        for key in ["anyOf", "oneOf"] {
            guard case .list(let choices)? = schema[key] else { continue }
            let fits = choices.count { choice in
                if case .object(let inner) = choice { return faults(value, inner, at: path).isEmpty }
                return false
            }
            return (key == "anyOf" ? fits > 0 : fits == 1) ? [] : ["\(path): fits \(fits) of \(key)"]
        }
        if case .list(let allowed)? = schema["enum"] {
            guard let text = value as? String, allowed.contains(.text(text)) else {
                return ["\(path): \(value) of enum"]
            }
        }
        guard case .text(let type)? = schema["type"] else { return [] }
        switch type {
        case "null": return value is NSNull ? [] : ["\(path): not null"]
        case "boolean", "number", "integer": return number(value, type, schema, at: path)
        case "string":
            guard let text = value as? String else { return ["\(path): \(value) is no text"] }
            if case .text(let pattern)? = schema["pattern"], text.range(of: pattern, options: .regularExpression) == nil
            {
                return ["\(path): '\(text)' is not \(pattern)"]
            }
            return []
        case "array":
            guard let items = value as? [Any], case .object(let inner)? = schema["items"] else {
                return ["\(path): no list"]
            }
            return items.enumerated().flatMap { faults($1, inner, at: "\(path)[\($0)]") }
        default: return object(value, schema, at: path)
        }
    }

    private static func number(_ value: Any, _ type: String, _ schema: [String: SchemaJSON], at path: String)
        -> [String]
    {
        guard let number = value as? NSNumber, !(value is String) else { return ["\(path): \(value) is no \(type)"] }
        let flag = isFlag(number)
        guard flag == (type == "boolean") else { return ["\(path): \(value) is no \(type)"] }
        if type == "integer", number.doubleValue != number.doubleValue.rounded() { return ["\(path): \(value)"] }
        if case .integer(let least)? = schema["minimum"], number.doubleValue < Double(least) {
            return ["\(path): \(value)"]
        }
        if case .integer(let most)? = schema["maximum"], number.doubleValue > Double(most) {
            return ["\(path): \(value)"]
        }
        return []
    }

    private static func object(_ value: Any, _ schema: [String: SchemaJSON], at path: String) -> [String] {
        guard let members = value as? [String: Any] else { return ["\(path): no object"] }
        if case .object(let inner)? = schema["additionalProperties"] {
            return members.sorted { $0.key < $1.key }.flatMap { faults($1, inner, at: "\(path).\($0)") }
        }
        guard case .object(let properties)? = schema["properties"], case .list(let required)? = schema["required"]
        else {
            return []
        }
        var found = required.compactMap { name -> String? in
            if case .text(let text) = name, members[text] == nil { return "\(path): \(text) is missing" }
            return nil
        }
        for (name, member) in members.sorted(by: { $0.key < $1.key }) {
            guard case .object(let inner)? = properties[name] else {
                // A job's optional parts are described in docs/reference/sweep-file.md.
                if !path.hasSuffix(".job") { found.append("\(path): \(name) is not declared") }
                continue
            }
            found += faults(member, inner, at: "\(path).\(name)")
        }
        return found
    }

    /// `true` and `1` are both numbers to Foundation; only the first was a flag.
    private static func isFlag(_ number: NSNumber) -> Bool {
        String(cString: number.objCType) == "c"
    }
}
