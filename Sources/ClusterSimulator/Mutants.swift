/// The mutants (`Mutant`) that stand in the code. The simulator must find each of them.
package enum Mutants {
    /// Some stand in two places at once, because each guard alone hides that the other is missing:
    /// `gap-accepted` and `finish-without-stream` in the ledger and in the worker, `rename-before-file-sync`
    /// at each chunk and at the end, `resumes-hidden-state` at the claim and where late states are refused.
    package static let all = [
        "answer-before-commit", "counters-not-kept", "deadline-from-wall-clock", "drained-asks-again",
        "epoch-not-raised",
        "exchange-not-remembered", "expiry-revokes", "fence-without-attempt", "fence-without-epoch",
        "fence-without-state", "finish-without-stream", "gap-accepted", "gc-without-lease", "gpu-not-counted",
        "key-not-stored",
        "known-blob-not-kept", "known-blob-not-settled", "log-not-rewritten", "lost-counts", "no-stall-guard",
        "nothing-kept",
        "overlap-counted-twice", "rename-before-file-sync",
        "resumes-hidden-state", "retry-after-io-error", "revives-after-claim", "row-before-folder-sync",
        "scope-not-asked", "session-of-anybody", "spool-trimmed-early", "starts-unprepared", "stop-without-attempt",
        "stopped-by-others",
        "superseded-goes-on",
        "synchronous-normal", "trials-at-once", "trials-too-early",
        "turns-without-end",
    ]

    /// The first seed that found each when all were run last: a short test begins with it.
    static let foundBy: [String: Int] = [
        "answer-before-commit": 4, "counters-not-kept": 1, "deadline-from-wall-clock": 33, "drained-asks-again": 15,
        "epoch-not-raised": 4, "exchange-not-remembered": 24, "expiry-revokes": 1, "fence-without-attempt": 1,
        "fence-without-epoch": 7, "fence-without-state": 2, "finish-without-stream": 2, "gap-accepted": 1,
        "gc-without-lease": 2, "key-not-stored": 1, "known-blob-not-kept": 33, "known-blob-not-settled": 201,
        "log-not-rewritten": 181, "lost-counts": 2, "no-stall-guard": 19, "overlap-counted-twice": 1,
        "rename-before-file-sync": 1, "resumes-hidden-state": 24, "retry-after-io-error": 1, "revives-after-claim": 1,
        "row-before-folder-sync": 1, "scope-not-asked": 4, "session-of-anybody": 12, "spool-trimmed-early": 1,
        "starts-unprepared": 14,
        "stop-without-attempt": 75, "stopped-by-others": 10, "superseded-goes-on": 1, "synchronous-normal": 1,
        "trials-at-once": 22, "trials-too-early": 42, "turns-without-end": 12,
    ]

    /// Those that show in worlds of one lane, and hardly anywhere else.
    static let lanes: [String: Plan.Lane] = [
        "known-blob-not-kept": .collection, "known-blob-not-settled": .power, "log-not-rewritten": .power,
        "gpu-not-counted": .gpus, "nothing-kept": .gpus, "stop-without-attempt": .stops, "trials-at-once": .suspects,
        "trials-too-early": .suspects,
        "turns-without-end": .flapping,
    ]

    /// The seeds to look for one with.
    ///
    /// - Parameters:
    ///   - isNear: begin with the seed that found it last.
    ///   - most: so many seeds.
    static func seeds(for mutant: String, isNear: Bool, most: Int) -> [UInt64] {
        let known = isNear ? foundBy[mutant].map { UInt64($0) } : nil
        let lane = lanes[mutant]
        let others = (1...).lazy.map { UInt64($0) }.filter {
            $0 != known && lane ?? Plan.Lane(seed: $0) == Plan.Lane(seed: $0)
        }
        return Array(([known].compactMap { $0 } + others.prefix(most)).prefix(most))
    }
}
