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

    package init(written: String, path: String? = nil, digest: ContentDigest? = nil, searched: [String] = []) {
        self.written = written
        self.path = path
        self.digest = digest
        self.searched = searched
    }

    /// "nothing at 'data/x' (looked for /a/data/x and /b/data/x)".
    package var missingMessage: String {
        "nothing at '\(written)'" + (searched.isEmpty ? "" : " (looked for \(searched.joined(separator: " and ")))")
    }
}
