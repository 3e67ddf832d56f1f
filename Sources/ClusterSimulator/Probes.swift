/// Named situations that a campaign must meet, or what it says of them means nothing.
///
/// No attempt is ever asked to stop for a cancel and then released: a canceled one is over in the ledger at
/// once, and its worker hears that it is superseded.
enum Probes {
    static let all: [String] =
        [
            "a preparation was tried again before others began", "attempt with what was prepared",
            "a job of several GPUs", "a job waited for room for 10 minutes", "a point that cannot be taken",
            "attempt resumes from a state", "backup made",
            "backup restored", "blob collected",
            "blob wanted again while it was collected",
            "coordinator could not start", "ended early", "trained less than planned",
            "coordinator ended by an error of its disk",
            "failure reported", "file without a row collected", "grant given again",
            "job overtaken", "job parked", "jobs claimed ahead",
            "killed between COMMIT and reply", "launched again", "metric gap answered",
            "metrics of a superseded attempt", "order to stop meets the next attempt",
            "report before its points", "report behind a refused one", "report of a superseded attempt",
            "report without its blobs", "second attempt granted", "session unknown", "something in quarantine",
            "state saved at a polite stop", "stranger's heartbeat refused", "stranger's points refused",
            "stranger's reports refused", "trainer timed out",
            "sweep stopped: broken", "sweep stopped: simulated", "suspicion lifted by a success", "trial job granted",
            "worker suspended",
        ]
        + ["oom", "nan", "crash", "killed", "timeout", "bad-config"].map { "job failed: \($0)" }
        + ["pause", "drain", "restart"].map { "released: \($0)" }
        + ["superseded", "pause", "drain"].map { "verdict \($0)" }
        + ["unauthorized", "forbidden", "unknownSession"].map { "uninvited: \($0)" }
        + [
            "action", "beginBlob", "commitBlob", "drain", "exchange", "getBlob", "heartbeat", "launch", "metrics",
            "putChunk", "register",
        ].map { "request received twice: \($0)" }
        + [
            "blob-collected-meanwhile", "blob-renamed", "blob-verified", "ledger.begun", "ledger.checkpointed",
            "ledger.committed",
            "ledger.written",
        ]
        .map { "reached \($0)" }
        + [
            "worker.discarded", "worker.exchanged", "worker.not-begun", "worker.points-spooled", "worker.recovered",
            "worker.report-damaged", "worker.report-spooled", "worker.unfinished-removed", "worker.uploaded",
            "worker.waits-for-space",
        ].map { "reached \($0)" }
}
