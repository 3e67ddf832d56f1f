/// A program that measures images: JSON lines in, JSON lines out.
///
/// It is started once and asked about every image: a line
/// `{"id", "image", "prompt", "reference", "seed", "checkpoint", "base_image", "class", "prompts"}` on its
/// standard input, answered by a line `{"id", "metric", "value", "note"}` on its standard output, in any
/// order; `metric` may be left out where there is one. `value` null says that the image has none.
package struct ExternalMetric: Codable, Hashable, Sendable {
    /// Names the metric where an answer does not.
    package var name: String
    /// Program and arguments; `{radiata}` stands for this program.
    package var command: [String]
    package var env: [String: String]?
    /// Part of what an answer is remembered by: another version measures anew.
    package var version: String?

    package init(name: String, command: [String], env: [String: String]? = nil, version: String? = nil) {
        self.name = name
        self.command = command
        self.env = env
        self.version = version
    }
}
