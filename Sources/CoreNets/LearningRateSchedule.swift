import Foundation

/// How the learning rate goes over a run, after a linear warm-up; the names are kohya's and diffusers'.
package enum LearningRateSchedule: String, CaseIterable, Sendable {
    case constant
    case constantWithWarmup = "constant_with_warmup"
    case linear
    case cosine
    case cosineWithRestarts = "cosine_with_restarts"
    case polynomial

    /// The factor of the rate for a step.
    ///
    /// - Parameters:
    ///   - step: steps done before this one, so the first has 0.
    ///   - warmup: steps over which the factor rises from 0 to 1.
    ///   - total: steps of the whole run.
    ///   - cycles: only for `cosineWithRestarts`.
    package func factor(step: Int, warmup: Int, total: Int, cycles: Int = 1) -> Float {
        if step < warmup { return Float(step) / Float(warmup) }
        let progress = min(1, Double(step - warmup) / Double(max(1, total - warmup)))
        switch self {
        case .constant, .constantWithWarmup: return 1
        case .linear, .polynomial: return Float(1 - progress)
        case .cosine: return Float(0.5 * (1 + cos(Double.pi * progress)))
        case .cosineWithRestarts:
            if progress >= 1 { return 0 }
            let turn = (Double(max(1, cycles)) * progress).truncatingRemainder(dividingBy: 1)
            return Float(0.5 * (1 + cos(Double.pi * turn)))
        }
    }
}
