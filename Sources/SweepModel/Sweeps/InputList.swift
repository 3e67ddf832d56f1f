package import Ports

/// An input's content list; the digest names it.
package struct InputList: Codable, Equatable, Sendable {
    /// What the user called it (path in the sweep file), for people.
    package var name: String
    package var tree: TreeDigest
    package init(name: String, tree: TreeDigest) {
        self.name = name
        self.tree = tree
    }
}
