/// A place in a configuration file, as people write it: `network_args.conv_dim`,
/// `config.process[0].network.linear`.
package struct ConfigPath: Hashable, Sendable, CustomStringConvertible {
    package enum Step: Hashable, Sendable {
        case key(String)
        /// Of a list, from 0.
        case index(Int)
    }

    package let steps: [Step]

    package init(_ steps: [Step]) { self.steps = steps }

    /// - Returns: nil for text that is no path: an empty part, an index that is no number, a bracket that
    ///   does not end.
    package init?(_ text: String) {
        var steps: [Step] = []
        var rest = Substring(text)
        while true {
            let key = rest.prefix { $0 != "." && $0 != "[" && $0 != "]" }
            guard !key.isEmpty else { return nil }
            steps.append(.key(String(key)))
            rest = rest.dropFirst(key.count)
            while rest.first == "[" {
                guard let end = rest.firstIndex(of: "]"), let index = Int(rest[..<end].dropFirst()), index >= 0 else {
                    return nil
                }
                steps.append(.index(index))
                rest = rest[rest.index(after: end)...]
            }
            if rest.isEmpty { break }
            guard rest.first == "." else { return nil }
            rest = rest.dropFirst()
        }
        self.steps = steps
    }

    package var description: String {
        var text = ""
        for step in steps {
            switch step {
            case .key(let key): text += text.isEmpty ? key : "." + key
            case .index(let index): text += "[\(index)]"
            }
        }
        return text
    }

    /// The key it begins with.
    package var firstKey: String? {
        if case .key(let key) = steps.first { return key }
        return nil
    }
}
