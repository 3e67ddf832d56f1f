import RunSpec
import SweepModel

extension SweepFileDecoder {
    /// The axes of a grid, in the order of the file.
    ///
    /// - Parameter outside: what defaults and baseline set.
    mutating func gridAxes(_ node: YAMLNode, outside: Set<String>) -> [GridAxis] {
        let all = mapping(node, "grid") ?? []
        if case .mapping(let entries) = node.content, entries.isEmpty {
            refuse(node.mark, "grid is empty; it needs an axis")
        }
        let settable = outside.union(all.map(\.key)).union(zippedNames(all))
        var axes: [GridAxis] = []
        for entry in all {
            if entry.key == "zip" {
                axes += zips(entry.value)
            } else if knows(entry), let axis = gridAxis(entry, settable: settable) {
                axes.append(axis)
            }
        }
        refuseDoubled(axes)
        return axes
    }

    private mutating func gridAxis(_ entry: YAMLEntry, settable: Set<String>) -> GridAxis? {
        if let hint = ForeignForms.hint(entry.value, of: entry.key, isAxis: true) {
            refuse(entry.value.mark, hint)
            return nil
        }
        guard case .mapping(let parts) = entry.value.content,
            parts.contains(where: { $0.key == "values" || $0.key == "when" })
        else {
            return axis(entry.value, of: entry.key).map { GridAxis([$0], mark: entry.keyMark) }
        }
        let known = entries(entry.value, of: "the axis \(entry.key)", keys: ["values", "when"])
        guard let values = known["values"] else {
            // A misspelt 'values' has been said already.
            if parts.allSatisfy({ $0.key == "when" }) {
                refuse(entry.value.mark, "the axis \(entry.key) needs 'values'")
            }
            return nil
        }
        let condition = known["when"].map { self.condition($0.value, "when", settable: settable) }
        // A faulty condition is reported; without it the axis would grow beyond what was meant.
        if let condition, condition == nil { return nil }
        return axis(values.value, of: entry.key).map { GridAxis([$0], when: condition ?? nil, mark: entry.keyMark) }
    }

    private mutating func zips(_ node: YAMLNode) -> [GridAxis] {
        (sequence(node, "zip") ?? []).compactMap { zip in
            var parameters: [ParameterAxis] = []
            let entries = mapping(zip, "an entry of zip") ?? []
            for entry in entries where knows(entry) {
                if let axis = axis(entry.value, of: entry.key) { parameters.append(axis) }
            }
            guard parameters.count == entries.count, !parameters.isEmpty else { return nil }
            let lengths = parameters.map { "\($0.name) has \($0.values.count)" }
            guard Set(parameters.map(\.values.count)).count == 1 else {
                refuse(
                    zip.mark,
                    "zipped axes advance together and need the same length: \(lengths.joined(separator: ", "))")
                return nil
            }
            return GridAxis(parameters, mark: zip.mark)
        }
    }

    private func zippedNames(_ entries: [YAMLEntry]) -> [String] {
        guard let zip = entries.first(where: { $0.key == "zip" }), case .sequence(let items) = zip.value.content else {
            return []
        }
        return items.flatMap { item in
            if case .mapping(let entries) = item.content { return entries.map(\.key) }
            return []
        }
    }

    private mutating func refuseDoubled(_ axes: [GridAxis]) {
        var seen: Set<String> = []
        for axis in axes {
            for parameter in axis.parameters where !seen.insert(parameter.name).inserted {
                refuse(axis.mark ?? SourceMark(line: 1, column: 1), "\(parameter.name) is on two axes of one grid")
            }
        }
    }
}
