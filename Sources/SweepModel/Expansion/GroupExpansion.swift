package import RunSpec

extension SweepGroup {
    /// More points than any ledger is meant for: refused before they are made.
    package static let largestExpansion = 1_000_000

    /// The group's points as the sweep file set them: defaults, then baseline, then axes and entries, each
    /// overriding the one before; `null` unsets; derivations fill what is absent; excluded points are gone.
    /// Duplicates stay.
    ///
    /// - Throws: `SweepModelError` with the place in the file.
    package func points(defaults: [String: ParameterValue]) throws(SweepModelError) -> [[String: ParameterValue]] {
        let start = defaults.merging(baseline) { _, own in own }
        var points: [[String: ParameterValue]]
        switch shape {
        case .vary(let entries): points = try Self.varied(start, entries, mark: mark)
        case .grid(let axes): points = try GridExpansion(axes: axes, start: start, mark: mark).points()
        case .list(let entries): points = entries.map { start.merging($0) { _, own in own } }
        case .sample(let spec):
            points = try SampleExpansion(spec: spec, mark: mark).draws().map { start.merging($0) { _, own in own } }
        }
        for index in points.indices {
            if points[index].values.contains(where: \.isNull) {
                points[index] = points[index].filter { !$0.value.isNull }
            }
            if !derive.isEmpty { try fillDerived(&points[index]) }
        }
        return exclude.isEmpty ? points : points.filter { point in !exclude.contains { $0.holds(for: point) } }
    }

    private static func varied(
        _ start: [String: ParameterValue], _ entries: [[ParameterAxis]], mark: SourceMark?
    ) throws(SweepModelError) -> [[String: ParameterValue]] {
        var points = [start]
        for entry in entries {
            try refuseTooMany(entry.map(\.values.count), before: points.count, mark: mark)
            var variants = [start]
            for axis in entry {
                variants = variants.flatMap { variant in
                    axis.values.map { value in variant.merging([axis.name: value]) { _, own in own } }
                }
            }
            points += variants
        }
        return points
    }

    static func refuseTooMany(_ counts: [Int], before: Int = 0, mark: SourceMark?) throws(SweepModelError) {
        var total = 1
        for count in counts {
            let (product, overflow) = total.multipliedReportingOverflow(by: count)
            total = overflow ? .max : product
            if total == 0 { break }
        }
        guard total <= largestExpansion - before else {
            throw SweepModelError(
                code: .badExpansion,
                message: "more than \(largestExpansion) points; split the sweep or shorten its axes",
                mark: mark)
        }
    }

    /// Derivations may need each other: they are tried until none of them adds anything.
    private func fillDerived(_ point: inout [String: ParameterValue]) throws(SweepModelError) {
        var pending = derive.filter { point[$0.name] == nil }
        var grew = true
        while grew, !pending.isEmpty {
            grew = false
            var later: [Derivation] = []
            for derivation in pending {
                if point[derivation.name] != nil { continue }
                var values: [String: Double] = [:]
                for name in derivation.expression.names {
                    guard let value = point[name] else { continue }
                    guard let number = value.number else {
                        throw SweepModelError(
                            code: .badExpansion,
                            message: "derive \(derivation.name): \(name) is \(value), which is no number",
                            mark: derivation.mark)
                    }
                    values[name] = number
                }
                if values.count < derivation.expression.names.count {
                    later.append(derivation)
                    continue
                }
                do {
                    point[derivation.name] = .number(try derivation.expression.value(values))
                } catch {
                    throw SweepModelError(
                        code: .badExpansion, message: "derive \(derivation.name): \(error.message)",
                        mark: derivation.mark)
                }
                grew = true
            }
            pending = later
        }
    }
}
