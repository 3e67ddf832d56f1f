/// One image file of a data set with its caption.
package struct TrainingImage: Equatable, Sendable {
    /// See `LocalPath`.
    package let path: String
    package let caption: String
    /// Index into the data set's concepts; -1 for a picture of the folder `validation` that is of none.
    package let concept: Int
    /// Visits in one epoch.
    package let repeats: Int
    /// A file gave the caption; otherwise it is made of the folder's words.
    package let isCaptioned: Bool
    /// The picture that an edit begins with, of the same size; nil for a picture that is no edit.
    package var source: String?

    func of(_ concept: Int) -> TrainingImage {
        TrainingImage(
            path: path, caption: caption, concept: concept, repeats: repeats, isCaptioned: isCaptioned, source: source)
    }
}
