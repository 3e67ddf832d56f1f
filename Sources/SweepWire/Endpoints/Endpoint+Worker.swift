package import SweepModel

extension Endpoint<RegisterRequest, RegisterResponse> {
    /// First call of a worker's start. Idempotent by the session id. Releases nothing of earlier sessions by
    /// itself: the answer lists what the ledger still holds open for this worker.
    package static var register: Self {
        Endpoint("register", .post, "/v1/worker/sessions", scopes: [.worker])
    }
}

extension Endpoint<ExchangeRequest, ExchangeResponse> {
    /// Reports in order, and a request for jobs, in one transaction; answered after it is on disk.
    ///
    /// - With reports: outcomes come at once, with whatever grants there are. Once a report of an attempt is
    ///   not accepted, later ones of the same attempt in the list are answered `notTried`.
    /// - Without reports: waits up to `waitSeconds` for a grant (long poll); free slots 0 and no reports
    ///   answers at once.
    /// - Idempotent by (session, number): a repeat gets the stored answer, with the same grants. Numbers
    ///   grow; send a lost exchange again with its number until it is answered.
    /// - A new exchange of the same session ends its waiting poll: that one is answered at once, empty, and
    ///   takes no job any more.
    /// - `unknownSession`: register again, with a new session.
    package static var exchange: Self {
        Endpoint("exchange", .post, "/v1/worker/exchange", scopes: [.worker], bodyLimit: 4 * WireLimit.control)
    }
}

extension Endpoint<HeartbeatRequest, HeartbeatResponse> {
    /// Extends the leases of all attempts a worker holds; one verdict per attempt. Answered from memory,
    /// except when it revives an attempt whose lease ran out before anybody else claimed the job.
    package static var heartbeat: Self {
        Endpoint("heartbeat", .post, "/v1/worker/heartbeat", scopes: [.worker])
    }
}

extension Endpoint<GoodbyeRequest, Nothing> {
    /// The worker stops politely: from now on it counts as stopped, and its session is over. What it still
    /// holds goes to others when its leases run out. Since protocol 2.
    package static var goodbye: Self { Endpoint("goodbye", .post, "/v1/worker/goodbye", scopes: [.worker]) }
}

extension Endpoint<MetricBatch, MetricAcknowledgement> {
    /// Appends to the attempt's metric stream. 409 `gap` with the number expected when points before the
    /// batch are missing; 409 `superseded` when the attempt is over. What is known already is harmless. The
    /// answer leaves after the points are on disk.
    package static var metrics: Self {
        Endpoint("metrics", .post, "/v1/worker/metrics", scopes: [.worker], bodyLimit: WireLimit.metrics)
    }
}

extension Endpoint<InputRequest, InputList> {
    /// The files of an input, by the input's digest; their content is in the blob store (or in the worker's
    /// `--inputs`).
    package static var input: Endpoint<InputRequest, InputList> {
        Endpoint("input", .get, "/v1/inputs/{digest}", scopes: [.read])
    }
}
