import Foundation
import RunSpec
import SweepModel

/// What one change does to a measure, all else equal: a configuration of a one-at-a-time sweep against its
/// baseline.
package struct AxisEffect: Equatable, Sendable {
    /// The group of the sweep file; empty where each group has one configuration.
    package var group: String
    /// The baseline in words.
    package var baseline: String
    /// The parameters that change, as in `dim, alpha`.
    package var axis: String
    /// Their values: `8, 4` and `32, 16`.
    package var from: String
    package var to: String
    package var configuration: String
    /// The change's value less the baseline's.
    package var effect: Estimate
    package var step: Int?

    /// `dim, alpha 8, 4 → 32, 16`.
    package var change: String { "\(axis) \(from) → \(to)" }
}

/// Sets of configurations around a baseline.
struct OneAtATime {
    struct Change {
        var configuration: String
        /// Sorted as `VariedParameters` sorts.
        var parameters: [String]
    }

    struct Star {
        var group: String
        var baseline: String
        var changes: [Change]
    }

    let stars: [Star]
    /// Of one configuration of each, by its id.
    let parameters: [String: [String: ParameterValue]]

    /// A change is of one parameter, or of a few that were changed together, as dim and alpha.
    static let mostParameters = 4
    /// Half of a star's changes are of so few: otherwise it is a list of points, and nothing else is equal.
    static let usualParameters = 2
    /// Larger groups are no stars; looking for a baseline in them would take long.
    static let mostMembers = 200

    init(_ jobs: [JobSummary], _ features: SweepFeatures) {
        let firsts = Dictionary(jobs.map { ($0.configuration, $0) }) { first, _ in first }
        parameters = firsts.mapValues(\.parameters)
        let parameters = parameters
        let followers = Set(features.movesWith.filter { $0.feature != "algorithm" }.map(\.parameter))
        let names = VariedParameters(jobs).names.filter { !followers.contains($0) }
        func differences(_ a: String, _ b: String) -> [String] {
            names.filter { (parameters[a]?[$0] ?? .null) != (parameters[b]?[$0] ?? .null) }
        }
        /// From a baseline few kinds of changes lead to all others. In doubt it is the nearest to all, then
        /// the one that was made first (ids of ledgers are numbers), then the one with the lowest values.
        func distance(_ id: String, _ others: [String]) -> (Int, Int, Int, String) {
            let all = others.filter { $0 != id }.map { differences(id, $0) }
            let values = names.map { name in
                String(format: "%030.15f", parameters[id]?[name]?.number ?? 0) + (parameters[id]?[name]?.text ?? "")
            }
            return (
                Set(all).reduce(0) { $0 + $1.count }, all.reduce(0) { $0 + $1.count }, Int(id) ?? .max,
                values.joined(separator: " ") + id
            )
        }
        var grouped = Dictionary(grouping: firsts.values.sorted { $0.configuration < $1.configuration }, by: \.group)
        // Single configurations in groups of their own belong together.
        let single = grouped.filter { $0.value.count == 1 }
        if single.count > 1 {
            for group in single.keys { grouped[group] = nil }
            grouped[""] = single.sorted { $0.key < $1.key }.flatMap(\.value)
        }
        stars = grouped.sorted { $0.key < $1.key }.compactMap { group, members in
            let ids = members.map(\.configuration)
            guard (2...Self.mostMembers).contains(ids.count) else { return nil }
            guard let baseline = ids.min(by: { distance($0, ids) < distance($1, ids) }) else { return nil }
            let changes = ids.filter { $0 != baseline }.map {
                Change(configuration: $0, parameters: differences(baseline, $0))
            }.filter { (1...Self.mostParameters).contains($0.parameters.count) }
            let usual = changes.count { $0.parameters.count <= Self.usualParameters }
            guard !changes.isEmpty, 2 * usual >= ids.count - 1 else { return nil }
            return Star(group: group, baseline: baseline, changes: changes)
        }
    }

    func text(_ configuration: String, _ names: [String]) -> String {
        names.map { VariedParameters.text(parameters[configuration]?[$0] ?? .text(SweepFeatures.none)) }
            .joined(separator: ", ")
    }
}

extension AxisEffect {
    static func all(
        _ measured: ImportanceRows, _ design: OneAtATime, _ varied: VariedParameters
    ) -> [AxisEffect] {
        let last = measured.last()
        let seeds = SeedGroups(last.groups.map(\.bySeed))
        let groups = Dictionary(uniqueKeysWithValues: zip(last.groups.map(\.configuration), seeds.groups))
        let quantiles = QuantileTable()
        return design.stars.flatMap { star -> [AxisEffect] in
            guard let base = groups[star.baseline] else { return [] }
            let label = varied.label(design.parameters[star.baseline] ?? [:])
            return star.changes.compactMap { change in
                guard let own = groups[change.configuration] else { return nil }
                return AxisEffect(
                    group: star.group, baseline: label, axis: change.parameters.joined(separator: ", "),
                    from: design.text(star.baseline, change.parameters),
                    to: design.text(change.configuration, change.parameters), configuration: change.configuration,
                    effect: Contrast([(own, 1), (base, -1)], seeds.variance).estimate(quantiles: quantiles),
                    step: last.step)
            }.sorted { ($0.axis, $0.to) < ($1.axis, $1.to) }
        }
    }
}
