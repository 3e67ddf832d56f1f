package import SweepModel

extension Endpoint<BranchRequest, BranchResponse> {
    /// A new job made of another: a rerun with other settings, or an extension from its newest training
    /// state. Naturally idempotent: the same wish makes the same job, and a repeat says that it is there. 409
    /// `conflict` for an extension of a job that has not ended, or that has no training state.
    package static var branch: Self { Endpoint("branch", .post, "/v1/jobs/branch", scopes: [.submit]) }
}

extension Endpoint<ReclaimRequest, ReclaimReport> {
    /// Puts a sweep away, or says what that would free (`isTrial`). `archive` keeps all rows, and of the
    /// files the newest adapter of each job; `delete` removes what no other sweep has. 409 `conflict` while
    /// jobs of the sweep alone are not over. Naturally idempotent.
    package static var reclaim: Endpoint<ReclaimRequest, ReclaimReport> {
        Endpoint("reclaim", .post, "/v1/sweeps/reclaim", scopes: [.admin])
    }
}

extension Endpoint<AnnotateRequest, Annotations> {
    /// Tags and the note of a sweep (exact name) or a job (id or unique prefix). Without changes it only
    /// tells them. Naturally idempotent.
    package static var annotate: Endpoint<AnnotateRequest, Annotations> {
        Endpoint("annotate", .post, "/v1/annotations", scopes: [.submit])
    }
}
