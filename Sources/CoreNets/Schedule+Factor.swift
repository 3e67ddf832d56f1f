import Foundation
package import RunSpec

extension Schedule {
    /// The factor of the learning rate for a step: a linear warm-up, then the schedule's course.
    ///
    /// - Parameters:
    ///   - step: steps done before this one, so the first has 0.
    ///   - warmup: steps over which the factor rises from 0 to 1.
    ///   - total: steps of the whole run.
    ///   - cycles: only for `cosineRestarts`.
    package func factor(step: Int, warmup: Int, total: Int, cycles: Int = 1) -> Float {
        if step < warmup { return Float(step) / Float(warmup) }
        let progress = min(1, Double(step - warmup) / Double(max(1, total - warmup)))
        switch self {
        case .constant: return 1
        case .linear: return Float(1 - progress)
        case .cosine: return Float(0.5 * (1 + cos(Double.pi * progress)))
        case .cosineRestarts:
            if progress >= 1 { return 0 }
            let turn = (Double(max(1, cycles)) * progress).truncatingRemainder(dividingBy: 1)
            return Float(0.5 * (1 + cos(Double.pi * turn)))
        }
    }
}
