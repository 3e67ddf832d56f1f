/// Bugs that stand in the code behind `Faults.planted`, by which the simulator proves that it would notice.
package enum PlantedBugs {
    ///
    /// Two of them, `gap-accepted` and `finish-without-stream`, are in the ledger's guard and in the worker's at once: each
    /// guard alone hides that the other is missing.
    package static let all = [
        "answer-before-commit", "counters-not-kept", "deadline-from-wall-clock", "epoch-not-raised",
        "exchange-not-remembered", "expiry-revokes", "fence-without-attempt", "fence-without-epoch",
        "fence-without-state", "finish-without-stream", "gap-accepted", "gc-without-lease", "key-not-stored",
        "known-blob-not-kept", "known-blob-not-settled", "log-not-rewritten", "lost-counts", "no-stall-guard",
        "overlap-counted-twice", "rename-before-file-sync",
        "resumes-hidden-state", "retry-after-io-error", "revives-after-claim", "row-before-folder-sync",
        "spool-trimmed-early", "stop-without-attempt", "superseded-goes-on", "synchronous-normal",
    ]
}
