/// Which tensors make up a layer of a file, by suffix.
struct LayerForm: Sendable {
    /// All that is its own, alternatives included.
    let own: [String]
    /// Each list needs one of its members, which are lists of suffixes that stand together.
    let needed: [[[String]]]
    /// Tensors that change what others mean, and those without which they mean nothing.
    var together: [[String]] = []
    var hasAlpha = true
    var hasMagnitudes = false
    var hasScalar = false
    /// The suffix by which messages name the form.
    let mark: String
}
