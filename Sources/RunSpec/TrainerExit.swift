/// How a trainer of the core ends. Any other status is a failure.
package enum TrainerExit {
    package static let done: Int32 = 0
    /// The job, its data or what it needs cannot be used as they are: trying again changes nothing.
    package static let badConfig: Int32 = 2
    /// It was asked to stop, saved its state at the next step, and can go on from there.
    package static let stopped: Int32 = 75
    /// The loss was no longer a number.
    package static let notANumber: Int32 = 76
}
