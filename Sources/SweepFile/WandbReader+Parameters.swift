import Foundation
import RunSpec
import SweepModel

/// One parameter of a W&B sweep, after nested ones are taken apart.
struct WandbParameter {
    enum Values {
        case constant(ParameterValue)
        case list([ParameterValue])
        /// In the form of our `space`.
        case range(String)
    }

    /// As W&B has it, from the outermost on.
    var path: [String]
    /// As it is called here.
    var name: String
    var values: Values

    /// All that it can be, as far as they are listed.
    var listed: [ParameterValue] {
        switch values {
        case .constant(let value): [value]
        case .list(let values): values
        case .range: []
        }
    }

    var isText: Bool { listed.contains { $0.text != nil } }
    var isFlag: Bool { !listed.isEmpty && listed.allSatisfy { if case .flag = $0 { true } else { $0.isNull } } }
    var mayBeNull: Bool { listed.contains(where: \.isNull) }

    /// Its value inside JSON or YAML.
    var filled: String { isText ? "\"{\(name)}\"" : "{\(name)}" }

    /// Top-level names with what stands there: a value, or a map of them.
    ///
    /// - Parameters:
    ///   - quote: what stands around the keys of a map.
    ///   - value: what stands for a parameter.
    static func tree(
        _ all: [WandbParameter], quote: String = "\"", value: (WandbParameter) -> String = { $0.filled }
    ) -> [(key: String, value: String)] {
        var keys: [String] = []
        var below: [String: [WandbParameter]] = [:]
        for parameter in all {
            guard let first = parameter.path.first else { continue }
            if below[first] == nil { keys.append(first) }
            below[first, default: []].append(parameter)
        }
        return keys.map { key in
            let parts = below[key] ?? []
            if parts.count == 1, parts[0].path.count == 1 { return (key, value(parts[0])) }
            let inner = parts.map { part in
                var part = part
                part.path.removeFirst()
                return part
            }
            let entries = tree(inner, quote: quote, value: value).map { "\(quote)\($0.key)\(quote): \($0.value)" }
            return (key, "{" + entries.joined(separator: ", ") + "}")
        }
    }

    static func json(_ all: [WandbParameter]) -> String {
        "{" + tree(all).map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
    }
}

extension WandbReader {
    private static let words = [
        "value", "values", "probabilities", "min", "max", "distribution", "q", "mu", "sigma", "a", "b", "parameters",
    ]
    /// Values of one axis that are still listed one by one.
    private static let mostLevels = 10_000

    mutating func parameters(_ node: YAMLNode, below path: [String], isGrid: Bool) -> [WandbParameter] {
        guard let entries = decoder.mapping(node, "parameters") else { return [] }
        if entries.isEmpty { refuse(node.mark, "parameters is empty") }
        return entries.flatMap { entry in parameter(entry, below: path, isGrid: isGrid) }
    }

    private mutating func parameter(_ entry: YAMLEntry, below path: [String], isGrid: Bool) -> [WandbParameter] {
        let what = (path + [entry.key]).joined(separator: ".")
        let known = decoder.entries(entry.value, of: "the parameter \(what)", keys: Self.words)
        if let nested = known["parameters"] {
            return parameters(nested.value, below: path + [entry.key], isGrid: isGrid)
        }
        guard let name = ownName(path + [entry.key], entry.keyMark),
            let values = values(known, what, entry.value, isGrid: isGrid)
        else { return [] }
        return [WandbParameter(path: path + [entry.key], name: name, values: values)]
    }

    /// Letters, digits and `_`, a letter first, in parts between dots; no name that the worker fills in.
    private mutating func ownName(_ path: [String], _ mark: SourceMark) -> String? {
        var name = path.map { part in
            let text = part.unicodeScalars.map { scalar in
                scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == ".")
                    ? String(scalar) : "_"
            }.joined()
            return text.first?.isLetter == true ? text : "p" + text
        }.joined(separator: ".")
        let isTaken = CommandTemplate.reserved.contains(name) || CommandTemplate.provided.contains(name)
        if isTaken, name != "seed" { name += "_" }
        guard CommandTemplate.isName(name) else {
            refuse(mark, "'\(path.joined(separator: "."))' cannot be the name of a parameter here")
            return nil
        }
        if name != path.joined(separator: ".") {
            note("the parameter '\(path.joined(separator: "."))' is called \(name) here; its runs see the name it had")
        }
        return name
    }

    // MARK: Values

    private mutating func values(
        _ known: [String: YAMLEntry], _ what: String, _ node: YAMLNode, isGrid: Bool
    ) -> WandbParameter.Values? {
        if let value = known["value"] { return decoder.plain(value.value, of: what).map { .constant($0) } }
        if let values = known["values"] { return list(values.value, known["probabilities"], what, isGrid: isGrid) }
        let distribution = known["distribution"].flatMap { decoder.source($0.value, "\(what).distribution") }
        switch distribution {
        case nil, "int_uniform", "uniform", "log_uniform", "log_uniform_values", "inv_log_uniform",
            "inv_log_uniform_values", "q_uniform", "q_log_uniform", "q_log_uniform_values":
            return interval(known, distribution, what, node, isGrid: isGrid)
        case "constant", "categorical", "categorical_w_probabilities":
            refuse(node.mark, "\(what): distribution \(distribution ?? "") needs 'value' or 'values'")
        case "normal", "q_normal", "log_normal", "q_log_normal", "beta", "q_beta":
            refuse(
                node.mark,
                "\(what): distribution \(distribution ?? "") is not drawn here; write { min: A, max: B } with bounds that "
                    + "hold nearly all of it (mu - 2 sigma, mu + 2 sigma), or log_uniform_values for sizes")
        case let other: refuse(node.mark, "\(what): no distribution of W&B is called '\(other ?? "")'")
        }
        return nil
    }

    private mutating func list(
        _ node: YAMLNode, _ probabilities: YAMLEntry?, _ what: String, isGrid: Bool
    ) -> WandbParameter.Values? {
        let items = decoder.sequence(node, "\(what).values") ?? []
        let values = items.compactMap { decoder.plain($0, of: what) }
        guard values.count == items.count, !values.isEmpty else {
            if items.isEmpty { refuse(node.mark, "\(what).values is empty") }
            return nil
        }
        guard let probabilities, !isGrid else { return values.count == 1 ? .constant(values[0]) : .list(values) }
        let shares = (decoder.sequence(probabilities.value, "\(what).probabilities") ?? []).compactMap {
            decoder.number($0, "\(what).probabilities", atLeast: 0)
        }
        // One of a list is drawn with equal chances: each stands in it as often as it is likely.
        let parts = (1...1000).first { parts in
            shares.allSatisfy { abs(($0 * Double(parts)).rounded() - $0 * Double(parts)) < 1e-6 }
        }
        guard shares.count == values.count, abs(shares.reduce(0, +) - 1) < 1e-6, let parts else {
            refuse(
                probabilities.value.mark,
                "\(what).probabilities: wanted one for each value, together 1, in parts of a thousand or coarser")
            return nil
        }
        return .list(
            zip(values, shares).flatMap { value, share in
                Array(repeating: value, count: Int((share * Double(parts)).rounded()))
            })
    }

    private mutating func interval(
        _ known: [String: YAMLEntry], _ distribution: String?, _ what: String, _ node: YAMLNode, isGrid: Bool
    ) -> WandbParameter.Values? {
        guard let low = known["min"].flatMap({ decoder.number($0.value, "\(what).min") }),
            let high = known["max"].flatMap({ decoder.number($0.value, "\(what).max") })
        else {
            refuse(node.mark, "\(what) needs 'value', 'values', or 'min' and 'max'")
            return nil
        }
        guard low < high else {
            refuse(node.mark, "\(what): min is \(low) and max \(high); wanted min below max")
            return nil
        }
        let isWhole = [known["min"], known["max"]].allSatisfy { entry in
            entry.flatMap { decoder.source($0.value, what) }?.contains { ".eE".contains($0) } == false
        }
        let kind = distribution ?? (isWhole ? "int_uniform" : "uniform")
        let step = known["q"].flatMap { decoder.number($0.value, "\(what).q") } ?? 1
        guard step > 0 else {
            refuse(node.mark, "\(what).q is \(step); wanted a number above 0")
            return nil
        }
        if isGrid { return levels(kind, low, high, step, what, node) }
        func ends(_ low: Double, _ high: Double) -> String { "[\(Self.text(low)), \(Self.text(high))]" }
        let rounding = kind.hasPrefix("q_") ? ", q: \(Self.text(step))" : ""
        switch kind {
        case "int_uniform": return .range("{ int: \(ends(low, high)) }")
        case "uniform", "q_uniform": return .range("{ uniform: \(ends(low, high))\(rounding) }")
        case "log_uniform", "q_log_uniform": return .range("{ log: \(ends(exp(low), exp(high)))\(rounding) }")
        case "inv_log_uniform": return .range("{ log: \(ends(exp(-high), exp(-low))) }")
        default:
            guard low > 0 else {
                refuse(node.mark, "\(what): min is \(low); \(kind) needs bounds above 0")
                return nil
            }
            // The inverse of a number that is uniform in its logarithm is so again.
            return .range("{ log: \(ends(low, high))\(rounding) }")
        }
    }

    /// What a grid takes of an interval.
    private mutating func levels(
        _ kind: String, _ low: Double, _ high: Double, _ step: Double, _ what: String, _ node: YAMLNode
    ) -> WandbParameter.Values? {
        guard kind == "int_uniform" || kind == "q_uniform" else {
            refuse(
                node.mark,
                "\(what): a grid takes 'value', 'values', whole numbers from min to max, or q_uniform, as W&B's does")
            return nil
        }
        let width = kind == "int_uniform" ? 1 : step
        let count = kind == "int_uniform" ? Int(high - low) + 1 : Int(((high - low) / step - 1e-9).rounded(.up))
        guard count <= Self.mostLevels else {
            refuse(node.mark, "\(what) has \(count) values; wanted at most \(Self.mostLevels) in a grid")
            return nil
        }
        let values = (0..<count).map { ParameterValue.number(Self.rounded(low + Double($0) * width)) }
        return values.count == 1 ? .constant(values[0]) : .list(values)
    }

    /// Six digits: the last bits of `exp` differ between machines, and a job's identity must not.
    private static func rounded(_ number: Double) -> Double { Double(String(format: "%.6g", number)) ?? number }

    /// Of numbers that were read as finite ones: no others are refused.
    static func text(_ number: Double) -> String { (try? CanonicalJSON.number(rounded(number))) ?? "0" }

    // MARK: Group

    /// The lines of the one group.
    mutating func group(isRandom: Bool, runCap: YAMLEntry?, _ mark: SourceMark) -> [String]? {
        let cap = runCap.flatMap { decoder.integer($0.value, "run_cap", atLeast: 1) }
        var lines = ["  - name: wandb"]
        var (constants, axes) = ([String](), [String]())
        var product = 1
        for parameter in parameters {
            let key = Self.quoted(parameter.name)
            switch parameter.values {
            case .constant(let value): constants.append("\(key): \(Self.text(value))")
            case .list(let values):
                let list = "[" + values.map(Self.text).joined(separator: ", ") + "]"
                axes.append(isRandom ? "\(key): { choice: \(list) }" : "\(key): \(list)")
                product = product.multipliedReportingOverflow(by: values.count).partialValue
            case .range(let range): axes.append("\(key): \(range)")
            }
        }
        lines.append("    baseline:" + (constants.isEmpty ? " {}" : ""))
        lines += constants.map { "      \($0)" }
        guard !axes.isEmpty else { return lines }
        if isRandom {
            guard let count = around.count ?? cap else {
                refuse(
                    mark,
                    "method: random has no end; say how many runs there are: run_cap: 20 in the file, or --count 20")
                return nil
            }
            lines.append("    sample: { method: random, count: \(min(count, cap ?? count)) }")
            lines.append("    space:")
        } else {
            if let cap = around.count ?? cap, cap < product {
                refuse(
                    runCap?.keyMark ?? mark,
                    "a grid of \(product) points is run whole, not its first \(cap); take values away, or write method: random"
                )
            }
            lines.append("    grid:")
        }
        return lines + axes.map { "      \($0)" }
    }

    /// The same holds for values.
    private static func text(_ value: ParameterValue) -> String { (try? CanonicalJSON.text(value)) ?? "null" }
}
