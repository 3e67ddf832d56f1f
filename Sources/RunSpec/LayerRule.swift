/// A selection of layers of one component: every supported layer below a block whose class is listed, and
/// every layer whose path ends in (or matches the glob of) a listed name, except the excluded ones.
package struct LayerRule: Equatable, Sendable {
    /// diffusers or transformers class names.
    package let classes: [String]
    /// Path suffixes on dot boundaries, or globs with `*` and `?` over the whole path.
    package let names: [String]
    /// Suffixes or globs that remove layers again.
    package let exclude: [String]
    /// Listed classes count only below a block of this class, where given.
    package let within: String?

    package init(classes: [String], names: [String] = [], exclude: [String] = [], within: String? = nil) {
        self.classes = classes
        self.names = names
        self.exclude = exclude
        self.within = within
    }

    package var isEmpty: Bool { classes.isEmpty && names.isEmpty }
}
