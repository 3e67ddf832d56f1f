import RunSpec

/// The product of a grid's axes. The first axis of the file changes slowest; a conditional axis comes after
/// the axes its condition needs, whatever the order in the file.
struct GridExpansion {
    let axes: [GridAxis]
    let start: [String: ParameterValue]
    let mark: SourceMark?

    func points() throws(SweepModelError) -> [[String: ParameterValue]] {
        // Only what is unconditional is surely multiplied; conditional axes are counted as they grow.
        try SweepGroup.refuseTooMany(axes.filter { $0.when == nil }.map(\.count), mark: mark)
        var points = [start]
        for axis in try ordered() {
            var grown: [[String: ParameterValue]] = []
            for point in points {
                if let when = axis.when, !when.holds(for: point) {
                    grown.append(point)
                    continue
                }
                for index in 0..<axis.count {
                    var next = point
                    for parameter in axis.parameters { next[parameter.name] = parameter.values[index] }
                    grown.append(next)
                }
                try SweepGroup.refuseTooMany([grown.count], mark: mark)
            }
            points = grown
        }
        return points
    }

    /// The axes in an order where each condition's parameters are settled: a stable topological sort.
    private func ordered() throws(SweepModelError) -> [GridAxis] {
        let setBy = axes.map { Set($0.parameters.map(\.name)) }
        var placed: [GridAxis] = []
        var remaining = Array(axes.indices)
        while !remaining.isEmpty {
            let next = remaining.first { index in
                let needs = axes[index].when.map { Set($0.allowed.keys) } ?? []
                return remaining.allSatisfy { $0 == index || setBy[$0].isDisjoint(with: needs) }
                    && setBy[index].isDisjoint(with: needs)
            }
            guard let next else {
                let names = remaining.flatMap { axes[$0].parameters.map(\.name) }.joined(separator: ", ")
                throw SweepModelError(
                    code: .badExpansion, message: "the conditions of \(names) need each other in a circle",
                    mark: axes[remaining[0]].when?.mark ?? mark)
            }
            placed.append(axes[next])
            remaining.removeAll { $0 == next }
        }
        return placed
    }
}
