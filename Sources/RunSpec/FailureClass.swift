/// The ways an attempt ends without a result. What follows from each stands in the policies of the sweep
/// model.
package enum FailureClass: String, CaseIterable, Codable, Hashable, Sendable {
    /// Out of memory.
    case oom
    /// The loss was no longer a number.
    case nan
    /// The trainer ended with an error.
    case crash
    /// A signal from outside ended the trainer.
    case killed
    /// It ran longer than its limit.
    case timeout
    /// Its worker fell silent.
    case lost
    /// The trainer cannot run what the sweep file asks for.
    case badConfig = "bad-config"
    case diskFull = "disk-full"
    case canceled
}
