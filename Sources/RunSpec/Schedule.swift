/// The course of the learning rate after its warm-up.
package enum Schedule: String, CaseIterable, Codable, Hashable, Sendable {
    case constant, linear, cosine
    case cosineRestarts = "cosine-restarts"
}
