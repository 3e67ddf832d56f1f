/// The times of the samples that a denoising network looks at, for adapters that change with them.
package final class DenoisingTimes {
    /// One for each sample of the last call, up to 1000.
    package internal(set) var now: [Float] = []
    /// Whether an adapter follows them: then nothing that a network computes holds for the next step.
    package var isFollowed = false

    init() {}
}
