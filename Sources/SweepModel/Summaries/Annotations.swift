/// What people say of a sweep or a job.
package struct Annotations: Codable, Equatable, Sendable {
    /// The sweep's name, or the job's whole id.
    package var target: String
    package var isSweep: Bool
    /// Sorted.
    package var tags: [String]
    package var note: String?

    package init(target: String, isSweep: Bool, tags: [String], note: String?) {
        self.target = target
        self.isSweep = isSweep
        self.tags = tags
        self.note = note
    }

    package static let longestTag = 64
    package static let mostTags = 64
    package static let longestNote = 4000

    /// A word: no white space, control characters or commas, so that lists of tags can be read.
    package static func isTag(_ text: String) -> Bool {
        (1...longestTag).contains(text.unicodeScalars.count) && !text.hasPrefix("-")
            && text.unicodeScalars.allSatisfy { scalar in
                scalar != "," && !scalar.properties.isWhitespace && scalar.properties.generalCategory != .control
            }
    }

    /// Lines of text.
    package static func isNote(_ text: String) -> Bool {
        text.unicodeScalars.count <= longestNote
            && text.unicodeScalars.allSatisfy { scalar in
                scalar == "\n" || scalar == "\t" || scalar.properties.generalCategory != .control
            }
    }
}
