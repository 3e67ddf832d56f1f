package import RunSpec

/// A configuration file that is changed by path. What is not named stays as it stands, comments and order
/// too; a value that is there keeps its type.
package struct ConfigDocument: Sendable {
    package let format: ConfigFormat
    /// Tables at the top are no parts of a path: a key is meant wherever it stands, as kohya reads its
    /// files.
    package let isFlat: Bool
    /// Keys whose value is a list of `name=value` texts; a path goes on into the list by name.
    package let pairs: Set<String>
    package private(set) var root: ConfigNode
    private var scalars: [Unicode.Scalar]

    /// - Throws: `ConfigFault` with the line where the text stops being of this format.
    package init(
        _ text: String, format: ConfigFormat, isFlat: Bool = false, pairs: Set<String> = []
    ) throws(ConfigFault) {
        self.format = format
        self.isFlat = isFlat
        self.pairs = pairs
        var scalars = Array(text.unicodeScalars)
        // A byte-order mark says nothing in UTF-8, and is no part of the first key.
        if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
        self.scalars = scalars
        root = try Self.parse(scalars, format)
    }

    package var text: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// The value at a path; nil where nothing stands.
    package func value(at path: ConfigPath) -> ParameterValue? {
        guard let place = places(of: path).last else { return nil }
        switch find(place) {
        case .there(let node): return node.value
        case .pair(let items, let name):
            return items.last { $0.name == name }.map { .text($0.value) }
        default: return nil
        }
    }

    /// Sets a value. Where nothing stands at the path it is added, with the tables that it needs.
    ///
    /// - Throws: `ConfigFault` where the path leads through a value that is no table or list, or beyond a
    ///   list's end, or into what an alias repeats.
    package mutating func set(_ path: ConfigPath, _ value: ParameterValue) throws(ConfigFault) {
        for place in places(of: path) {
            switch find(place) {
            case .there(let node): try replace(node, value, path)
            case .pair(let items, let name): try setPair(name, value, items, path)
            case .missing(let parent, let rest): try add(rest, to: parent, value, path)
            case .blocked(let message): throw ConfigFault("\(path): \(message)")
            }
        }
        // What was written must read back: a fault in writing must not reach a trainer.
        guard let now = self.value(at: path), Self.agree(now, value) else {
            throw ConfigFault("\(path): \(value) cannot be written there; set it in the file itself")
        }
    }

    /// Full paths of a path: in a flat file a key may stand in tables, and then the last one counts.
    private func places(of path: ConfigPath) -> [ConfigPath] {
        guard isFlat, let first = path.firstKey, case .table(let entries) = root.content else { return [path] }
        var places: [ConfigPath] = []
        if let own = root[first] {
            if case .table = own.content, path.steps.count > 1, !pairs.contains(first) { return [path] }
            places.append(path)
        }
        for entry in entries {
            guard case .table = entry.node.content, entry.node[first] != nil else { continue }
            places.append(ConfigPath([.key(entry.key)] + path.steps))
        }
        return places.isEmpty ? [path] : places
    }

    // MARK: Finding

    private enum Found {
        case there(ConfigNode)
        /// The items of a list of `name=value` texts, and the name.
        case pair(PairList, name: String)
        /// The last thing on the way, and what is missing below.
        case missing(in: ConfigNode, [ConfigPath.Step])
        case blocked(String)
    }

    struct PairList {
        struct Item {
            let name: String
            let value: String
            let node: ConfigNode
        }

        let list: ConfigNode
        let items: [Item]

        func last(where isWanted: (Item) -> Bool) -> Item? { items.last(where: isWanted) }
    }

    private func find(_ path: ConfigPath) -> Found {
        var node = root
        var done: [ConfigPath.Step] = []
        for (index, step) in path.steps.enumerated() {
            if let refusal = node.refusal { return .blocked(refusal) }
            let here = done.isEmpty ? "the file" : "\(ConfigPath(done))"
            switch (step, node.content) {
            case (.key(let key), .table):
                guard let next = node[key] else { return .missing(in: node, Array(path.steps[index...])) }
                node = next
            case (.key(let name), .list(let items)):
                guard index == path.steps.count - 1, let list = pairList(node, items, after: done.last) else {
                    return .blocked("\(here) is a list; name the item, as in \(ConfigPath(done))[0].\(name)")
                }
                return .pair(list, name: name)
            case (.index(let place), .list(let items)):
                guard items.indices.contains(place) else {
                    return .blocked("\(here) has \(items.count) items, counted from 0")
                }
                node = items[place]
            // Nothing, written as `key:`, is an empty table as well.
            case (_, .value(.null)): return .missing(in: node, Array(path.steps[index...]))
            default: return .blocked("\(here) is \(node.kindName), and has nothing inside")
            }
            done.append(step)
        }
        return .there(node)
    }

    private func pairList(_ list: ConfigNode, _ items: [ConfigNode], after step: ConfigPath.Step?) -> PairList? {
        guard case .key(let key) = step else { return nil }
        var found: [PairList.Item] = []
        for item in items {
            guard case .value(.text(let text)) = item.content, let equals = text.firstIndex(of: "=") else {
                if pairs.contains(key) { continue }
                return nil
            }
            let name = text[..<equals].filter { !$0.isWhitespace }
            found.append(.init(name: name, value: String(text[text.index(after: equals)...]), node: item))
        }
        return pairs.contains(key) || !found.isEmpty ? PairList(list: list, items: found) : nil
    }

    // MARK: Changing

    private mutating func replace(_ node: ConfigNode, _ value: ParameterValue, _ path: ConfigPath)
        throws(ConfigFault)
    {
        if let refusal = node.refusal { throw ConfigFault("\(path): \(refusal)") }
        var text = try ConfigWriter(format: format).text(value, like: node)
        if node.range.isEmpty, node.range.lowerBound > 0, scalars[node.range.lowerBound - 1] != " " {
            text = " " + text
        }
        try splice(node.range, text)
    }

    private mutating func setPair(_ name: String, _ value: ParameterValue, _ list: PairList, _ path: ConfigPath)
        throws(ConfigFault)
    {
        if let refusal = list.list.refusal { throw ConfigFault("\(path): \(refusal)") }
        if let item = list.last(where: { $0.name == name }) {
            let text = ConfigWriter.pair(name, value, like: item.value)
            return try splice(item.node.range, try ConfigWriter(format: format).text(.text(text), like: item.node))
        }
        let text = ConfigWriter.pair(name, value, like: nil)
        guard let insertion = list.list.insertion else {
            throw ConfigFault("\(path): nothing can be added to this list")
        }
        try splice(
            insertion.place..<insertion.place,
            insertion.before + (try ConfigWriter(format: format).text(.text(text), like: nil)) + insertion.after)
    }

    private mutating func add(
        _ rest: [ConfigPath.Step], to parent: ConfigNode, _ value: ParameterValue, _ path: ConfigPath
    ) throws(ConfigFault) {
        var keys: [String] = []
        for step in rest {
            guard case .key(let key) = step else {
                throw ConfigFault("\(path): there is no such list; write it into the file first")
            }
            keys.append(key)
        }
        var value = value
        // The name of an item of a list that is still to be written.
        if keys.count > 1, pairs.contains(keys[keys.count - 2]) {
            value = [.text(ConfigWriter.pair(keys.removeLast(), value, like: nil))]
        }
        let writer = ConfigWriter(format: format)
        if case .value(.null) = parent.content {
            guard format != .toml else { throw ConfigFault("\(path): nothing can be added there") }
            let inner = keys.reversed().reduce(value) { inner, key in .map([key: inner]) }
            return try replace(parent, inner, path)
        }
        guard let insertion = parent.insertion else {
            throw ConfigFault("\(path): nothing can be added there; write the key into the file first")
        }
        let entry = try writer.entry(keys, value, prefix: insertion.keyPrefix)
        try splice(insertion.place..<insertion.place, insertion.before + entry + insertion.after)
    }

    private mutating func splice(_ range: Range<Int>, _ text: String) throws(ConfigFault) {
        scalars.replaceSubrange(range, with: text.unicodeScalars)
        root = try Self.parse(scalars, format)
    }

    private static func parse(_ scalars: [Unicode.Scalar], _ format: ConfigFormat) throws(ConfigFault) -> ConfigNode {
        switch format {
        case .toml: try TOMLReader.read(scalars)
        case .yaml: try YAMLTree.read(scalars)
        case .json: try JSONReader.read(scalars)
        }
    }

    /// Whether what is read is what was meant: a number may have become text where text stood.
    private static func agree(_ found: ParameterValue, _ wanted: ParameterValue) -> Bool {
        if found == wanted { return true }
        guard let text = found.text else {
            if case .list(let a) = found, case .list(let b) = wanted, a.count == b.count {
                return zip(a, b).allSatisfy { agree($0, $1) }
            }
            return false
        }
        return text == ConfigWriter.plain(wanted) || text == ConfigWriter.python(wanted)
            || text == ConfigWriter.python(wanted).lowercased()
    }
}

extension ConfigDocument {
    /// Keys as the trainer sees them: those of the top, and of a flat file those of its tables.
    package var keys: [String] {
        guard case .table(let entries) = root.content else { return [] }
        return entries.flatMap { entry -> [String] in
            if isFlat, case .table(let inner) = entry.node.content { return inner.map(\.key) }
            return [entry.key]
        }
    }

    /// Keys that stand beside a path.
    package func siblings(of path: ConfigPath) -> [String] {
        var node = root
        for step in path.steps.dropLast() {
            switch step {
            case .key(let key): if let next = node[key] { node = next } else { return [] }
            case .index(let index): if let next = node[index] { node = next } else { return [] }
            }
        }
        guard case .table(let entries) = node.content else { return [] }
        return entries.map(\.key)
    }

    /// Every value that is text, with its path; of a flat file without the tables at the top.
    package var texts: [(path: String, text: String)] {
        var found: [(String, String)] = []
        func walk(_ node: ConfigNode, _ path: String, depth: Int) {
            switch node.content {
            case .value(.text(let text)): found.append((path, text))
            case .value: break
            case .list(let items):
                for (index, item) in items.enumerated() { walk(item, "\(path)[\(index)]", depth: depth + 1) }
            case .table(let entries):
                for entry in entries {
                    let isSection: Bool
                    if case .table = entry.node.content { isSection = isFlat && depth == 0 } else { isSection = false }
                    walk(
                        entry.node, isSection ? "" : path.isEmpty ? entry.key : "\(path).\(entry.key)", depth: depth + 1
                    )
                }
            }
        }
        walk(root, "", depth: 0)
        return found
    }
}
