import RunSpec
import SweepModel

/// Nodes to a sweep definition. Goes on after every fault, so that all of them come together; what is faulty
/// is left out.
struct SweepFileDecoder {
    let file: String
    let inputs: any SweepInputs
    private(set) var faults: [SweepFault] = []
    /// Where `seed` is set as a parameter and where `seeds` stands: only one of them may be used.
    var seedMark: SourceMark?
    var isCore = true
    /// Parameters that a command has as an argument of their own.
    var optionNames: Set<String> = []
    /// Keys that the trainer's configuration file may have; empty where nobody says.
    var configKeys: Set<String> = []
    /// `on_oom` of the trainer, and where it or that of the sweep stands.
    var trainerFallback: OutOfMemoryFallback?
    var fallbackMark: SourceMark?
    /// Where the configuration file is named.
    var configMark: SourceMark?

    init(file: String, inputs: any SweepInputs) {
        self.file = file
        self.inputs = inputs
    }

    mutating func refuse(_ mark: SourceMark, _ message: String) {
        let fault = SweepFault(file: file, mark: mark, message: message)
        if !faults.contains(fault) { faults.append(fault) }
    }

    /// Faults of a file that this one uses.
    mutating func add(_ others: [SweepFault]) { faults += others }

    /// A group that lost its faulty parts can look empty or doubled; such echoes are worth nothing beside the
    /// cause.
    mutating func addExpansionFaults(_ others: [SweepFault]) {
        for fault in others where !faults.contains(where: { $0.mark.line == fault.mark.line && $0.file == fault.file })
        {
            if fault.message.hasPrefix("the sweep has no jobs"), !faults.isEmpty { continue }
            faults.append(fault)
        }
    }

    // MARK: Maps

    /// The entries of a map whose keys must be among these.
    ///
    /// - Parameter foreign: what to say of an unknown key that is another tool's.
    mutating func entries(
        _ node: YAMLNode, of what: String, keys: [String], foreign: (YAMLEntry) -> String? = { _ in nil }
    ) -> [String: YAMLEntry] {
        guard let all = mapping(node, what) else { return [:] }
        var known: [String: YAMLEntry] = [:]
        for entry in all {
            if keys.contains(entry.key) {
                known[entry.key] = entry
            } else {
                let hint =
                    foreign(entry).map { "; \($0)" }
                    ?? nearest(to: entry.key, among: keys).map { "; did you mean '\($0)'?" }
                    ?? "; known: \(keys.joined(separator: ", "))"
                refuse(entry.keyMark, "unknown key '\(entry.key)' in \(what)\(hint)")
            }
        }
        return known
    }

    mutating func mapping(_ node: YAMLNode, _ what: String) -> [YAMLEntry]? {
        guard case .mapping(let entries) = node.content else {
            refuse(node.mark, "\(what) is \(node.kindName); wanted a map")
            return nil
        }
        return entries
    }

    /// A map of names that the file chooses, for places that keep one of each name as people read it.
    mutating func namedEntries(_ node: YAMLNode, _ what: String) -> [YAMLEntry] {
        var marks: [String: SourceMark] = [:]
        return (mapping(node, what) ?? []).filter { entry in
            guard let first = marks.updateValue(entry.keyMark, forKey: entry.key) else { return true }
            // Equal as text, not as bytes: the reader has refused what is there twice.
            refuse(
                entry.keyMark,
                "\(what) has '\(entry.key)' in line \(first.line) too, written with other Unicode characters (composed and "
                    + "decomposed letters); write both alike, or choose another name")
            return false
        }
    }

    mutating func sequence(_ node: YAMLNode, _ what: String) -> [YAMLNode]? {
        guard case .sequence(let items) = node.content else {
            refuse(node.mark, "\(what) is \(node.kindName); wanted a list")
            return nil
        }
        return items
    }

    // MARK: Scalars

    mutating func text(_ node: YAMLNode, _ what: String) -> String? {
        guard case .scalar(.text(let text), _) = node.content, !text.isEmpty else {
            refuse(node.mark, "\(what) is \(node.kindName); wanted text")
            return nil
        }
        return text
    }

    /// Text as it stands in the file, whatever the schema makes of it: `--steps, 100` in a command line.
    mutating func source(_ node: YAMLNode, _ what: String) -> String? {
        guard case .scalar(let scalar, let source) = node.content, scalar != .null || !source.isEmpty else {
            refuse(node.mark, "\(what) is \(node.kindName); wanted text")
            return nil
        }
        return source
    }

    mutating func number(_ node: YAMLNode, _ what: String, atLeast lower: Double = -.infinity) -> Double? {
        guard case .scalar(.number(let number), _) = node.content else {
            refuse(node.mark, "\(what) is \(node.kindName); wanted a number")
            return nil
        }
        guard number.isFinite, number >= lower else {
            refuse(node.mark, "\(what) is \(number); wanted a number of at least \(ParameterValue.number(lower))")
            return nil
        }
        return number
    }

    mutating func integer(_ node: YAMLNode, _ what: String, atLeast lower: Int) -> Int? {
        guard case .scalar(.number(let number), let source) = node.content,
            let integer = ParameterValue.number(number).integer
        else {
            refuse(node.mark, "\(what) is \(node.kindName); wanted an integer")
            return nil
        }
        guard integer >= lower else {
            refuse(node.mark, "\(what) is \(source); wanted at least \(lower)")
            return nil
        }
        return integer
    }

    /// A list of integers; one integer alone counts as a list of one.
    mutating func integers(_ node: YAMLNode, _ what: String, atLeast lower: Int) -> [Int] {
        guard case .sequence(let items) = node.content else {
            return integer(node, what, atLeast: lower).map { [$0] } ?? []
        }
        if items.isEmpty { refuse(node.mark, "\(what) is an empty list") }
        return items.compactMap { integer($0, what, atLeast: lower) }
    }

    mutating func choice<T: RawRepresentable & CaseIterable>(_ node: YAMLNode, _ what: String, _ type: T.Type) -> T?
    where T.RawValue == String {
        let words = T.allCases.map(\.rawValue)
        guard let text = text(node, what) else { return nil }
        if let value = T(rawValue: text) { return value }
        let hint = nearest(to: text, among: words).map { " (did you mean '\($0)'?)" } ?? ""
        refuse(node.mark, "\(what) is '\(text)'\(hint); accepted: \(words.joined(separator: ", "))")
        return nil
    }

    // MARK: Units

    /// Seconds: a number, or numbers with units such as `30s`, `5m`, `1h30m`.
    mutating func seconds(_ node: YAMLNode, _ what: String) -> Double? {
        var seconds: Double?
        if case .scalar(.number(let number), _) = node.content, number.isFinite, number > 0 { seconds = number }
        if case .scalar(.text(let text), _) = node.content, let found = Units.seconds(text), found > 0 {
            seconds = found
        }
        if let seconds, seconds <= Units.longest { return seconds }
        if seconds != nil {
            refuse(node.mark, "\(what) is longer than a hundred years; leave it out if no end is meant")
            return nil
        }
        refuse(node.mark, "\(what) is \(node.kindName); wanted a time such as 30s, 5m or 2h")
        return nil
    }

    /// Bytes: a number, or a number with a unit such as `8GB` or `512MiB`.
    mutating func bytes(_ node: YAMLNode, _ what: String) -> Int? {
        if case .scalar(.number(let number), _) = node.content, let bytes = ParameterValue.number(number).integer,
            bytes >= 0
        {
            return bytes
        }
        if case .scalar(.text(let text), _) = node.content, let bytes = Units.bytes(text) { return bytes }
        refuse(node.mark, "\(what) is \(node.kindName); wanted a size such as 8GB or 512MiB")
        return nil
    }
}
