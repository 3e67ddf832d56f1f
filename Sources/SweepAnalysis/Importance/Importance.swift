import BoostedTrees
import RunSpec
import SweepModel

/// What mattered for one measure: by trees over everything, by the grids of the sweep, by single changes.
package struct Importance: Equatable, Sendable {
    package var criterion: Criterion
    /// nil where nothing varied, too little was measured, or `treesMissing` says why.
    package var trees: TreeImportance?
    /// A sentence: why there are no trees.
    package var treesMissing: String?
    package var grids: [GridImportance]
    package var effects: [AxisEffect]
    /// A sentence about parameters that move together; nil for none.
    package var note: String?

    package var isEmpty: Bool { trees == nil && grids.isEmpty && effects.isEmpty }
}

extension SweepResultSet {
    /// What mattered for measures, in their order; those that were not measured are left out.
    ///
    /// - Parameter withTrees: false leaves out the trees, which take the longest.
    package func importance(of criteria: [Criterion], withTrees: Bool = true) -> [Importance] {
        let index = ResultIndex(self)
        let features = SweepFeatures(jobs)
        let design = OneAtATime(jobs, features)
        let varied = VariedParameters(jobs)
        return criteria.compactMap { criterion in
            let measured = ImportanceRows(self, index, criterion)
            guard !measured.rows.isEmpty else { return nil }
            let grids = GridImportance.all(measured, features, jobs)
            let isGrid = grids.contains { $0.algorithm == nil }
            var importance = Importance(
                criterion: criterion, trees: nil, treesMissing: nil, grids: grids,
                // A whole grid tells more than single changes around one of its cells.
                effects: isGrid ? [] : AxisEffect.all(measured, design, varied), note: features.note)
            guard withTrees else { return importance }
            do {
                importance.trees = try TreeImportance.of(measured, features)
            } catch let error as BoostedTreesError {
                importance.treesMissing = error.message.capitalizedFirst + "; everything else is here."
            } catch {
                importance.treesMissing = "\(error)"
            }
            return importance
        }
    }
}
