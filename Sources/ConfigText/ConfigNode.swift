package import RunSpec

/// A value of a configuration file, with the place of its text. Places count Unicode scalars from the
/// beginning.
package struct ConfigNode: Sendable {
    package enum Content: Sendable {
        case value(ParameterValue)
        case list([ConfigNode])
        case table([ConfigEntry])
    }

    package var content: Content
    /// What is replaced when the value is.
    var range: Range<Int>
    /// A number written with a point or an exponent, which stays one.
    var isFloat = false
    /// How an item or an entry is added; nil where none can be.
    var insertion: Insertion?
    /// Why nothing in it may be changed; nil if it may.
    var refusal: String?

    init(_ content: Content, _ range: Range<Int>) {
        self.content = content
        self.range = range
    }

    package subscript(key: String) -> ConfigNode? {
        guard case .table(let entries) = content else { return nil }
        return entries.last { $0.key == key }?.node
    }

    package subscript(index: Int) -> ConfigNode? {
        guard case .list(let items) = content, items.indices.contains(index) else { return nil }
        return items[index]
    }

    /// The value, whatever its kind.
    package var value: ParameterValue {
        switch content {
        case .value(let value): value
        case .list(let items): .list(items.map(\.value))
        case .table(let entries): .map(Dictionary(entries.map { ($0.key, $0.node.value) }) { _, last in last })
        }
    }

    /// What a message calls it.
    var kindName: String {
        switch content {
        case .value(let value): value.kindName
        case .list: "a list"
        case .table: "a map"
        }
    }
}

package struct ConfigEntry: Sendable {
    package var key: String
    package var node: ConfigNode
}

/// Where and how a new entry of a table, or a new item of a list, is written.
struct Insertion: Sendable {
    var place: Int
    var before = ""
    var after = ""
    /// Stands before the key: `a.b.` where a TOML table has no header of its own.
    var keyPrefix = ""
}
