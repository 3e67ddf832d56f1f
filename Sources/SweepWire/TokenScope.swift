/// What the bearer of a token may do. `read < worker`, `read < submit`, and `admin` may do everything.
package enum TokenScope: String, Codable, CaseIterable, Sendable {
    case read, worker, submit, admin

    /// Whether a token of this scope may call an endpoint that wants `wanted`.
    package func allows(_ wanted: TokenScope) -> Bool {
        switch (self, wanted) {
        case (.admin, _), (_, .read): true
        case (.submit, .submit), (.worker, .worker): true
        default: false
        }
    }
}
