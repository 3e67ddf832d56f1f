/// A large activation that the backward pass recomputes instead of keeping it: outputs of normalisation
/// layers and activation functions cost a few passes over memory, and their inputs are kept anyway.
///
/// - SeeAlso: Chen et al., “Training deep nets with sublinear memory cost”, arXiv:1604.06174.
final class Recomputed {
    /// Recomputing smaller ones saves too little memory for its time.
    private static let leastCount = 1 << 19

    private let make: () -> Tensor
    private var made: Tensor?

    private init(_ make: @escaping () -> Tensor) { self.make = make }

    /// Nil where the result is small enough to be kept.
    ///
    /// - Parameter make: gives the same numbers each time, and records nothing.
    static func ifLarge(_ y: Tensor, _ make: @escaping () -> Tensor) -> Recomputed? {
        y.count > leastCount ? Recomputed(make) : nil
    }

    /// Made for the first that asks, and kept for the others until `drop`.
    var tensor: Tensor {
        if let made { return made }
        let result = make()
        made = result
        return result
    }

    /// What made the result comes after all that read it in a backward pass, and calls this.
    func drop() { made = nil }
}

extension Tensor {
    /// The same numbers without history for a backward pass: kept, or made again when it asks.
    package func kept() -> () -> Tensor {
        if let recomputed { return { recomputed.tensor } }
        let kept = detached()
        return { kept }
    }
}
