/// A checkpoint that has just appeared in the attempt folder.
package struct SavedCheckpoint: Equatable, Sendable {
    package let name: String
    package let folder: String
    package let step: Int
    /// Epochs completed.
    package let epoch: Int
    package let final: Bool
}
