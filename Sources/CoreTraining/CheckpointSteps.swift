package import RunSpec

/// After which optimiser steps a checkpoint is kept.
package struct CheckpointSteps: Equatable, Sendable {
    package let total: Int
    private let kept: Set<Int>

    /// Epochs and steps beyond the job's end are skipped; the last step is always kept.
    package init(plan: CheckpointPlan, epochs: Int, stepsPerEpoch: Int) {
        total = epochs * stepsPerEpoch
        let last = total
        var steps = Set(plan.epochs.filter { $0 > 0 && $0 <= epochs }.map { $0 * stepsPerEpoch })
        steps.formUnion(plan.steps.filter { $0 > 0 && $0 <= last })
        steps.insert(total)
        kept = steps
    }

    /// Whether the adapter of a step is saved.
    package func keeps(_ step: Int) -> Bool { kept.contains(step) }

    package var sorted: [Int] { kept.sorted() }
}
