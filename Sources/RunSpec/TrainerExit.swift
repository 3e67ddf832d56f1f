/// How a trainer of the core ends. Any other status is a failure.
package enum TrainerExit {
    package static let done: Int32 = 0
    /// It was asked to stop, saved its state at the next step, and can go on from there.
    package static let stopped: Int32 = 75
    /// The loss was no longer a number.
    package static let notANumber: Int32 = 76
}
