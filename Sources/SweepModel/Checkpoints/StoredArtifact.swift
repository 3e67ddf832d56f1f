/// A file for people (contact sheet, sample). Its blob is committed before. Natural key: (attempt, kind,
/// name).
package struct StoredArtifact: Codable, Equatable, Sendable {
    package var checkpoint: String
    package var kind: String
    package var name: String
    package var sha256: String
    package var bytes: Int
    package init(checkpoint: String, kind: String, name: String, sha256: String, bytes: Int) {
        self.checkpoint = checkpoint
        self.kind = kind
        self.name = name
        self.sha256 = sha256
        self.bytes = bytes
    }
}
