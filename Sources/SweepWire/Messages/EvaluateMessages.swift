package import RunSpec

/// Wants the trained jobs of a sweep measured by something more: those that are done, and the others when
/// they are.
package struct EvaluateRequest: Codable, Equatable, WireRequest {
    package var sweep: String
    /// Metrics of the core; all of them where this and `external` are left out.
    package var metrics: [String]?
    /// Programs that measure images.
    package var external: [ExternalMetric]?
    /// Only the last checkpoint of each job.
    package var onlyFinal: Bool

    package init(sweep: String, metrics: [String]? = nil, external: [ExternalMetric]? = nil, onlyFinal: Bool = false) {
        self.sweep = sweep
        self.metrics = metrics
        self.external = external
        self.onlyFinal = onlyFinal
    }

    /// What it asks of each job; how is drawn is the job's own affair where it says so.
    package var spec: EvaluationSpec {
        var spec = EvaluationSpec.standard
        // Only a program's metric is wanted: nothing of the core's is computed anew.
        spec.metrics = metrics ?? (external == nil ? nil : [])
        spec.external = external
        return spec
    }
}

package struct EvaluateResponse: Codable, Equatable, WireResponse {
    /// Trained jobs of the sweep that are done.
    package var trained: Int
    /// Evaluation jobs that wait because of this.
    package var added: Int

    package init(trained: Int, added: Int) {
        self.trained = trained
        self.added = added
    }
}
