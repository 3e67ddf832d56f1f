package import SweepModel

/// Puts a sweep away, or asks what that would free.
package struct ReclaimRequest: Codable, Equatable, WireRequest {
    package var sweep: String
    package var action: ReclaimAction
    /// Nothing changes.
    package var isTrial: Bool
    package init(sweep: String, action: ReclaimAction, isTrial: Bool) {
        self.sweep = sweep
        self.action = action
        self.isTrial = isTrial
    }
}

/// Changes what people say of a sweep or a job.
package struct AnnotateRequest: Codable, Equatable, WireRequest {
    /// A sweep's exact name, or a job's id or unique prefix of at least eight digits.
    package var target: String
    package var add: [String]
    package var remove: [String]
    /// Takes the place of the one that is there; empty removes it, nil leaves it.
    package var note: String?
    package init(target: String, add: [String] = [], remove: [String] = [], note: String? = nil) {
        self.target = target
        self.add = add
        self.remove = remove
        self.note = note
    }
}
