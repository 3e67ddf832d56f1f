package import SweepModel

extension Endpoint<Nothing, HealthResponse> {
    /// Whether the coordinator serves. Needs no token.
    package static var health: Self { Endpoint("health", .get, "/v1/health", scopes: []) }
}

extension Endpoint<LaunchRequest, LaunchResponse> {
    /// Expands the bundle with the same code as `plan` and adds what is missing: launching a known name adds
    /// jobs and removes none. Idempotent by `key`; the same key with another bundle is answered `keyReused`.
    /// 400 with all faults of the file at once.
    package static var launch: Self {
        Endpoint("launch", .post, "/v1/sweeps", scopes: [.submit], bodyLimit: WireLimit.launch)
    }
}

extension Endpoint<HistoryRequest, SweepHistory> {
    /// What bears on a sweep about to be launched; nothing is changed.
    package static var history: Self { Endpoint("history", .get, "/v1/history", scopes: [.read]) }
}

extension Endpoint<Nothing, Items<SweepSummary>> {
    package static var sweeps: Endpoint<Nothing, Items<SweepSummary>> {
        Endpoint("sweeps", .get, "/v1/sweeps", scopes: [.read])
    }
}

extension Endpoint<SweepRequest, StatusResponse> {
    /// Sweeps (all, or one by exact name: 404 if unknown) and workers.
    package static var status: Self { Endpoint("status", .get, "/v1/status", scopes: [.read]) }
}

extension Endpoint<JobsRequest, Items<JobSummary>> {
    package static var jobs: Endpoint<JobsRequest, Items<JobSummary>> {
        Endpoint("jobs", .get, "/v1/jobs", scopes: [.read])
    }
}

extension Endpoint<JobRequest, JobDetail> {
    /// 404 for an unknown id, 409 `conflict` for a prefix that several jobs share.
    package static var job: Endpoint<JobRequest, JobDetail> { Endpoint("job", .get, "/v1/jobs/{job}", scopes: [.read]) }
}

extension Endpoint<LogRequest, LogText> {
    package static var logs: Endpoint<LogRequest, LogText> {
        Endpoint("logs", .get, "/v1/jobs/{job}/logs", scopes: [.read])
    }
}

extension Endpoint<ActionRequest, ActionResponse> {
    /// Pause, unpause, cancel or resume. Naturally idempotent: repeating changes nothing more. Pause and
    /// cancel of a sweep leave jobs alone that another active sweep wants.
    package static var action: Self { Endpoint("action", .post, "/v1/actions", scopes: [.submit]) }
}

extension Endpoint<EvaluateRequest, EvaluateResponse> {
    /// Adds jobs that evaluate what the sweep trained; training stays done. Naturally idempotent: an
    /// evaluation's id is that of the checkpoint and the protocol.
    package static var evaluate: Self { Endpoint("evaluate", .post, "/v1/evaluations", scopes: [.submit]) }
}

extension Endpoint<Nothing, Items<WorkerSummary>> {
    package static var workers: Endpoint<Nothing, Items<WorkerSummary>> {
        Endpoint("workers", .get, "/v1/workers", scopes: [.read])
    }
}

extension Endpoint<DrainRequest, Nothing> {
    package static var drain: Self { Endpoint("drain", .post, "/v1/workers/drain", scopes: [.submit]) }
}

extension Endpoint<ForgetRequest, Nothing> {
    /// Removes a worker that is gone; 409 `conflict` while it is connected or holds jobs. Its name stays in
    /// the history of attempts. Since protocol 2.
    package static var forget: Self { Endpoint("forget", .post, "/v1/workers/forget", scopes: [.submit]) }
}

extension Endpoint<QueryRequest, QueryResponse> {
    /// One read-only statement over the public tables and views, with limits of time, rows and bytes. 400
    /// with SQLite's message when it is refused.
    package static var query: Self { Endpoint("query", .post, "/v1/query", scopes: [.read]) }
}

extension Endpoint<ExportRequest, RawBytes> {
    /// All results of a sweep, one line a result with the job's parameters.
    package static var export: Self { Endpoint("export", .get, "/v1/export", scopes: [.read]) }
}
