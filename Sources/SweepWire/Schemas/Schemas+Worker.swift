import RunSpec
import SweepModel

extension WireSchema {
    static let job = sha256
    static let attemptToken = object(["ledger": text, "epoch": integer(), "job": job, "attempt": integer(1)])
    static let blobFile = object(["name": text, "sha256": text, "bytes": integer()])
    /// A short text for people: no control characters.
    static let label = text(most: 256, pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")
    static let sessionID = text(pattern: "^[0-9a-f]{32}$")
    static let files = array(blobFile)

    static let manifest = object([
        "step": integer(), "epoch": integer(), "final": flag,
        "files": array(
            object(
                ["name": text, "kind": one(of: ["adapter", "state"]), "bytes": integer()], optional: ["sha256": text])),
    ])

    static let evaluationRow = object(
        [
            "checkpoint": text, "epoch": integer(), "step": integer(), "class": text, "prompts": text, "metric": text,
            "n": integer(),
        ],
        optional: [
            "value": measured, "values": array(measured.orNull, most: MetricLimit.imageValues),
            "notes": array(text.orNull, most: MetricLimit.imageValues),
        ])

    static let notice = object(["kind": text, "count": integer(0), "detail": text])

    static let reportBodies: [String: WireSchema] = [
        "checkpoint": object(["name": text, "manifest": manifest, "streamPosition": counter]),
        "evaluations": object(["rows": array(evaluationRow), "completed": array(text)]),
        "artifacts": object([
            "rows": array(
                object(["checkpoint": text, "kind": text, "name": text, "sha256": text, "bytes": integer()]))
        ]),
        "log": object(
            ["offset": counter, "text": text],
            optional: ["line": text, "notices": array(notice)]),
        "finished": object(["streamPosition": counter]),
        "failed": object(
            ["failure": one(of: FailureClass.allCases.map(\.rawValue)), "message": text],
            optional: ["exitCode": integer()]),
        "released": object(["reason": one(of: ["pause", "cancel", "drain", "restart"])]),
    ]

    /// One of the bodies beside the token.
    static let report = WireSchema(json: [
        "oneOf": .list(
            reportBodies.sorted { $0.key < $1.key }.map { name, body in
                var json = object(["token": attemptToken, name: body]).json
                json["additionalProperties"] = .flag(false)
                return .object(json)
            })
    ])

    static let gpuDevice = object([
        "vendor": one(of: GPUDevice.Vendor.allCases.map(\.rawValue)), "index": label, "uuid": label, "name": label,
        "memory": counter,
    ])

    static let reportOutcome = object(
        ["code": one(of: ["accepted", "superseded", "gap", "missingBlobs", "refused", "notTried"])],
        optional: ["expected": counter, "blobs": array(text), "message": text])

    static let grant = object(
        [
            "token": attemptToken, "leaseSeconds": number, "evaluated": array(text),
            "trained": array(
                object(["name": text, "step": integer(), "epoch": integer(), "isFinal": flag, "files": files])),
            // What a worker needs to know of a job; docs/reference/sweep-file.md describes its values.
            "job": object([
                "id": job, "configuration": job, "sweep": text, "group": text, "trainer": any, "given": map(any),
                "parameters": map(any), "seed": integer(), "requirements": map(any), "retries": any,
                "retention": map(any), "priority": integer(),
            ]),
        ],
        optional: [
            "resume": object(["checkpoint": text, "step": integer(), "epoch": integer(), "files": files]),
            "prepared": array(object(["job": job, "files": files])),
        ])
}

extension RegisterRequest {
    package static var content: WireContent {
        .json(
            .object(
                [
                    "worker": .text(least: 1, most: 256, pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"),
                    "name": .label,
                    "session": .sessionID, "slots": .integer(0, 1024),
                    "threads": .integer(0, 65_536), "labels": .map(.label, keys: .label, most: 64),
                    "gpus": .integer(0, 1024),
                    "memory": .counter, "version": .label,
                ],
                optional: [
                    "key": .text(pattern: "^[0-9a-f]{64}$"), "coreVersions": .array(.label, most: 16),
                    "gpuDevices": .array(.gpuDevice, most: 64), "gpuShare": .integer(1, 64),
                ]))
    }
}

extension RegisterResponse {
    package static var content: WireContent {
        .json(
            .object(
                [
                    "ledger": .text, "epoch": .integer(), "leaseSeconds": .number, "heartbeatSeconds": .number,
                    "leftovers": .array(.attemptToken),
                ], optional: ["program": .text]))
    }
}

extension ExchangeRequest {
    package static var content: WireContent {
        .json(
            .object(
                [
                    "session": .text, "number": .counter, "reports": .array(.report, most: WireLimit.reports),
                    "freeSlots": .integer(), "waitSeconds": .number,
                ], optional: ["freeGPUs": .array(.integer(0, 63), most: 4096)]))
    }
}

extension ExchangeResponse {
    package static var content: WireContent {
        .json(
            .object([
                "number": .counter, "outcomes": .array(.reportOutcome), "grants": .array(.grant),
                "stops": .array(
                    .object(["token": .attemptToken, "reason": .one(of: ["pause", "cancel", "drain", "finish"])])),
            ]))
    }
}

extension HeartbeatRequest {
    package static var content: WireContent {
        .json(
            .object([
                "session": .text,
                "attempts": .array(
                    .object(
                        ["token": .attemptToken],
                        optional: ["step": .integer(), "phase": .text, "extent": .progressExtent])),
            ]))
    }
}

extension HeartbeatResponse {
    package static var content: WireContent {
        .json(
            .object(
                [
                    "verdicts": .array(.one(of: ["fine", "superseded", "pause", "cancel", "drain", "finish"])),
                    "isDraining": .flag,
                ], optional: ["waitSeconds": .number, "watchedSeconds": .number]))
    }
}

extension GoodbyeRequest {
    package static var content: WireContent { .json(.object(["session": .text])) }
}

extension MetricBatch {
    package static var parameterList: [WireParameter] { [] }
    package static var content: WireContent { .bytes }
}

extension MetricAcknowledgement {
    package static var content: WireContent { .json(.object(["next": .counter])) }
}
