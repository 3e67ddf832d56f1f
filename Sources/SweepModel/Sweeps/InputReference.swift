package import Ports

/// A base model or a data set: how the sweep file names it, and what it was found to be.
package struct InputReference: Codable, Equatable, Sendable {
    /// As written in the sweep file.
    package var written: String
    /// Where it lies on the launching machine; nil if nothing is there.
    package var path: String?
    /// Of its content; nil if nothing is there.
    package var digest: ContentDigest?
    /// The places looked at, for the message when nothing is there.
    package var searched: [String]
    /// nil where every generation of the core reads the content alike.
    package var generations: InputGenerations?

    package init(
        written: String, path: String? = nil, digest: ContentDigest? = nil, searched: [String] = [],
        generations: InputGenerations? = nil
    ) {
        self.written = written
        self.path = path
        self.digest = digest
        self.searched = searched
        self.generations = generations
    }

    /// "nothing at 'data/x' (looked for /a/data/x and /b/data/x)".
    package var missingMessage: String {
        "nothing at '\(written)'" + (searched.isEmpty ? "" : " (looked for \(searched.joined(separator: " and ")))")
    }
}

/// The first generations of the core's numerics that give the present core's results with an input's content;
/// nil for the very first. See `JobIdentity.coreVersion`.
package struct InputGenerations: Codable, Hashable, Sendable {
    /// In training and in evaluation.
    package var reading: Int?
    /// In evaluation alone.
    package var evaluating: Int?

    package init(reading: Int? = nil, evaluating: Int? = nil) {
        self.reading = reading
        self.evaluating = evaluating
    }

    /// The newer of each.
    package static func newest(_ all: [InputGenerations?]) -> InputGenerations? {
        let known = all.compactMap { $0 }
        let result = InputGenerations(
            reading: known.compactMap(\.reading).max(), evaluating: known.compactMap(\.evaluating).max())
        return result == InputGenerations() ? nil : result
    }
}
