import RunSpec
import SweepModel

extension WireSchema {
    static let sweepSummary = object(
        [
            "name": text, "created": integer(), "priority": integer(), "configurations": integer(),
            "states": map(integer()), "checkpoints": integer(),
            "state": one(of: ["active", "stopped", "paused", "finished", "canceled"]),
        ],
        optional: [
            "reason": text, "since": integer(), "remedy": text, "tags": array(text), "note": text,
            "archived": integer(), "left": timeLeft, "budget": budgetStanding, "evaluations": map(integer()),
            "preparations": map(integer()),
        ])

    static let timeLeft = object(["seconds": number, "low": number, "high": number])

    static let workerSummary = object(
        [
            "id": text, "name": text,
            "state": one(of: ["connected", "silent", "draining", "stopped", "suspended"]), "slots": integer(),
            "busy": integer(), "labels": map(text), "gpus": integer(), "lastSeen": integer(), "jobs": array(text),
        ],
        optional: [
            "reason": text, "since": integer(), "remedy": text, "memory": integer(), "coreVersions": array(text),
            "gpuDevices": array(gpuDevice), "gpuShare": integer(),
        ])

    static let progressExtent = object(["done": integer(), "total": integer(), "unit": text])

    static let runningJob = object(
        [
            "id": sha256, "sweep": text, "worker": text, "workerID": text, "attempt": integer(1), "seed": integer(),
            "parameters": map(any), "started": integer(),
        ], optional: ["kind": text, "phase": text, "step": integer(), "extent": progressExtent])

    static let jobBrief = object(["id": sha256, "sweep": text, "state": text], optional: ["waits_for": text])

    static let jobSummary = object(
        [
            "id": sha256, "sweep": text, "group": text, "configuration": text,
            "state": one(of: JobState.allCases.map(\.rawValue)), "seed": integer(), "attempts": integer(),
            "parameters": map(any), "created": integer(), "updated": integer(),
        ],
        optional: [
            "worker": text, "failure": text, "message": text, "workerID": text, "waits_for": text, "parent": sha256,
            "tags": array(text), "note": text, "kind": text, "fallback": map(any),
        ])

    static let tokenSummary = object(
        [
            "id": text, "scope": scope, "note": text, "created": integer(), "isRevoked": flag,
        ], optional: ["expires": integer()])

    static let fault = object(
        ["code": one(of: WireError.Code.allCases.map(\.rawValue)), "message": text],
        optional: ["expected": counter, "retryAfter": number])
    static let budget = object(
        [:], optional: ["hours": number(above: 0, most: 1e9), "money": number(above: 0, most: 1e12)])
    static let budgetStanding = object(["budget": budget, "hours": number, "money": number])
    static let scope = one(of: TokenScope.allCases.map(\.rawValue))
}

extension Nothing {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] { [] }
}

extension RawBytes {
    package static var content: WireContent { .bytes }
}

extension HealthResponse {
    package static var content: WireContent {
        .json(
            .object([
                "program": .text, "protocolVersion": .integer(), "ledger": .text, "epoch": .integer(),
                "uptimeSeconds": .number,
            ]))
    }
}

extension LaunchRequest {
    package static var content: WireContent {
        let bundle = WireSchema.object(
            [
                "fileName": .text, "text": .text, "files": .map(.object(["path": .text, "text": .text])),
                "inputs": .map(.object(["path": .text, "digest": .sha256])),
            ], optional: ["priority": .integer(-1_000_000, 1_000_000)])
        return .json(
            .object(["key": .text(least: 16, most: 128), "bundle": bundle, "inputs": .array(.inputList)]))
    }
}

extension LaunchResponse {
    package static var content: WireContent {
        .json(
            .object([
                "sweep": .text, "configurations": .integer(), "jobs": .integer(), "added": .integer(),
                "shared": .integer(), "missingBlobs": .array(.text),
            ]))
    }
}

extension SweepSummary: WireItem, WireResponse {
    package static var schema: WireSchema { .sweepSummary }
    package static var content: WireContent { .json(schema) }
}

extension SweepRequest {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] { [WireParameter("sweep", .text, required: false)] }
}

extension StatusResponse {
    package static var content: WireContent {
        .json(
            .object(
                ["sweeps": .array(.sweepSummary), "workers": .array(.workerSummary)],
                optional: ["notice": .text, "jobs": .array(.jobBrief), "running": .array(.runningJob)]))
    }
}

extension JobsRequest {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] {
        [
            WireParameter("sweep", .text, required: false),
            WireParameter("state", .one(of: JobState.allCases.map(\.rawValue)), required: false),
            WireParameter("limit", .integer(0), required: false), WireParameter("after", .text, required: false),
            WireParameter("tag", .text, required: false),
        ]
    }
}

extension JobRequest {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] { [WireParameter("job", .text(least: 1))] }
}

extension JobDetail: WireResponse {
    package static var content: WireContent {
        let attempt = WireSchema.object(
            ["number": .integer(1), "worker": .text, "started": .integer(), "resumedStep": .integer()],
            optional: [
                "ended": .integer(), "outcome": .text, "failure": .text, "message": .text, "workerID": .text,
                "gpuMemory": .number, "gpuUtilisation": .number,
            ])
        let checkpoint = WireSchema.object([
            "name": .text, "attempt": .integer(), "step": .integer(), "epoch": .integer(), "files": .files,
        ])
        let event = WireSchema.object(
            ["at": .integer(), "kind": .text, "detail": .text], optional: ["attempt": .integer()])
        let number = WireSchema(json: ["type": .text("number")])
        let notice = WireSchema.object([
            "attempt": .integer(1), "kind": .text, "count": .integer(0), "detail": .text,
        ])
        return .json(
            .object(
                [
                    "job": .jobSummary, "sweeps": .array(.text), "attempts": .array(attempt),
                    "checkpoints": .array(checkpoint), "latest": .map(.measured), "events": .array(event),
                ],
                optional: [
                    "notices": .array(notice), "base": .object(["path": .text, "digest": .text]),
                    "sampling": .object(["sampler": .text, "steps": .integer(), "guidance": number]),
                    "data": .object(["path": .text, "digest": .text]),
                    "origin": .object(
                        [
                            "way": .text, "parent": .sha256, "epoch": .integer(), "step": .integer(),
                            "changes": .map(.any),
                        ],
                        optional: ["notice": .text]),
                    "children": .array(.object(["way": .text, "job": .sha256])),
                ]))
    }
}

extension LogRequest {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] {
        [
            WireParameter("job", .text(least: 1)), WireParameter("attempt", .integer(0), required: false),
            WireParameter("offset", .integer(0), required: false),
            WireParameter(
                "wait", WireSchema(json: ["type": .text("number"), "minimum": .integer(0)]), required: false),
        ]
    }
}

extension LogText: WireResponse {
    package static var content: WireContent {
        .json(
            .object(
                ["attempt": .integer(), "offset": .counter, "text": .text, "next": .counter, "isComplete": .flag],
                optional: ["line": .text]))
    }
}

extension ActionRequest {
    package static var content: WireContent {
        .json(
            .object(
                ["action": .one(of: ["pause", "unpause", "cancel", "resume"]), "target": .text],
                optional: ["failure": .one(of: FailureClass.allCases.map(\.rawValue)), "budget": .budget]))
    }
}

extension ActionResponse {
    package static var content: WireContent {
        .json(
            .object(
                ["changed": .integer(0), "stopping": .integer(0), "untouched": .integer(0)], optional: ["notice": .text]
            ))
    }
}

extension EvaluateRequest {
    package static var content: WireContent {
        let external = WireSchema.object(
            ["name": .text(least: 1, most: 256), "command": .array(.text)],
            optional: ["env": .map(.text), "version": .text])
        return .json(
            .object(
                ["sweep": .text, "onlyFinal": .flag],
                optional: ["metrics": .array(.text), "external": .array(external)]))
    }
}

extension EvaluateResponse {
    package static var content: WireContent {
        .json(.object(["trained": .integer(0), "added": .integer(0)]))
    }
}

extension WorkerSummary: WireItem {
    package static var schema: WireSchema { .workerSummary }
}

extension JobSummary: WireItem {
    package static var schema: WireSchema { .jobSummary }
}

extension TokenSummary: WireItem {
    package static var schema: WireSchema { .tokenSummary }
}

extension DrainRequest {
    package static var content: WireContent { .json(.object(["worker": .text, "drain": .flag])) }
}

extension ForgetRequest {
    package static var content: WireContent { .json(.object(["worker": .text])) }
}

extension QueryRequest {
    package static var content: WireContent { .json(.object(["sql": .text, "limit": .integer()])) }
}

extension QueryResponse {
    package static var content: WireContent {
        .json(
            .object(
                ["columns": .array(.text), "rows": .array(.array(.any)), "isTruncated": .flag],
                optional: ["error": .fault]))
    }
}

extension ExportRequest {
    package static var content: WireContent { .none }
    package static var parameterList: [WireParameter] {
        [WireParameter("sweep", .text(least: 1)), WireParameter("format", .one(of: ["csv", "jsonl"]))]
    }
}

extension TokenRequest {
    package static var content: WireContent {
        .json(
            .object(
                ["scope": .scope, "note": .text(most: 256)],
                optional: ["lifetime": .number(above: 0, most: WireLimit.tokenSeconds)]))
    }
}

extension TokenResponse {
    package static var content: WireContent { .json(.object(["id": .text, "token": .text])) }
}

extension RevokeRequest {
    package static var content: WireContent { .json(.object(["id": .text])) }
}

extension LinkResponse {
    package static var content: WireContent { .json(.object(["path": .text, "seconds": .number])) }
}

extension BackupResponse {
    package static var content: WireContent { .json(.object(["path": .text, "bytes": .integer(0)])) }
}

extension CollectResponse {
    package static var content: WireContent {
        .json(.object(["removedBlobs": .integer(0), "removedBytes": .integer(0)]))
    }
}

extension CheckResponse {
    package static var content: WireContent {
        .json(.object(["sqlite": .text, "findings": .array(.text), "notes": .array(.text)]))
    }
}
