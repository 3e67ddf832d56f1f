import SweepModel

extension BranchRequest {
    package static var content: WireContent {
        .json(
            .object(
                [
                    "way": .one(of: JobOrigin.Way.allCases.map(\.rawValue)), "job": .text(least: 1), "set": .map(.any),
                    "checkpoints": .array(.integer(1), most: 1000),
                ], optional: ["epochs": .integer(1)]))
    }
}

extension BranchResponse {
    package static var content: WireContent {
        .json(
            .object(
                [
                    "job": .sha256, "parent": .sha256, "sweep": .text, "state": .text, "isNew": .flag,
                    "epoch": .integer(0), "step": .integer(0),
                ], optional: ["notice": .text]))
    }
}

extension ReclaimRequest {
    package static var content: WireContent {
        .json(
            .object([
                "sweep": .text, "action": .one(of: ReclaimAction.allCases.map(\.rawValue)), "isTrial": .flag,
            ]))
    }
}

extension ReclaimReport: WireResponse {
    package static var content: WireContent {
        let count = WireSchema.integer(0)
        return .json(
            .object([
                "sweep": .text, "action": .one(of: ReclaimAction.allCases.map(\.rawValue)), "jobs": count,
                "blobs": count, "bytes": count, "laterBlobs": count, "laterBytes": count, "sharedJobs": count,
                "shared": .array(.object(["job": .sha256, "sweeps": .array(.text)])), "sharedBlobs": count,
                "sharedBytes": count, "sharedWith": .array(.text), "isDone": .flag, "wasDone": .flag,
            ]))
    }
}

extension AnnotateRequest {
    package static var content: WireContent {
        let tags = WireSchema.array(.text(least: 1), most: Annotations.mostTags)
        return .json(
            .object(
                ["target": .text(least: 1), "add": tags, "remove": tags],
                optional: ["note": .text(most: Annotations.longestNote)]))
    }
}

extension Annotations: WireResponse {
    package static var content: WireContent {
        .json(
            .object(
                ["target": .text, "isSweep": .flag, "tags": .array(.text)], optional: ["note": .text]))
    }
}
