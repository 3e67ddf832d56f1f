package import Ports

/// What `launch` posts: the sweep file and everything it refers to, so that the coordinator expands it with
/// the same code and no file system.
package struct LaunchBundle: Codable, Equatable, Sendable {
    /// The sweep file's name, for messages.
    package var fileName: String
    /// Its text, byte for byte.
    package var text: String
    /// Text files it refers to (profiles, templates), by the path that the referring file writes.
    package var files: [String: ResolvedFile]
    /// Base, data and regularisation data, by the path that the sweep file writes; missing ones are not in
    /// it.
    package var inputs: [String: ResolvedInput]
    /// Overrides the file's priority.
    package var priority: Int?

    package init(
        fileName: String, text: String, files: [String: ResolvedFile] = [:], inputs: [String: ResolvedInput] = [:],
        priority: Int? = nil
    ) {
        self.fileName = fileName
        self.text = text
        self.files = files
        self.inputs = inputs
        self.priority = priority
    }

    /// The sweep file's digest.
    package var digest: ContentDigest { ContentDigest.of(text) }
}

/// A text file found for a path.
package struct ResolvedFile: Codable, Equatable, Sendable {
    /// Where it was found; for messages.
    package var path: String
    package var text: String

    package init(path: String, text: String) {
        self.path = path
        self.text = text
    }
}
