package import CoreTensor

/// What decides one layer's new adapter: an algorithm's options with the layer's own dim and alpha.
package struct LayerOptions {
    /// The layer's name in files; it names the random streams.
    package let name: String
    package let seed: UInt64
    /// Rank; nil stands for full matrices (LoKr).
    package let rank: Int?
    /// 0 means dim.
    package let alpha: Float
    package var factor = -1
    package var useTucker = false
    package var useScalar = false
    package var rsLoRA = false
    package var decomposeBoth = false
    package var fullMatrix = false
    package var unbalanced = false
    package var dora = false
    /// DoRA's magnitudes belong to output rows, not input channels.
    package var doraOnOutput = true
    /// DyLoRA: ranks trained together.
    package var blockSize = 4
    /// Bound of a rotation by outputs; 0 for none.
    package var constraint: Float = 0
    package var rescaled = false
    /// (IA)³ on input channels instead of output rows.
    package var trainOnInput = false

    package init(name: String, seed: UInt64, rank: Int?, alpha: Float) {
        self.name = name
        self.seed = seed
        self.rank = rank
        self.alpha = alpha
    }

    package var dim: Int { rank ?? 1 }
    /// α, with 0 replaced.
    var effectiveAlpha: Float { alpha == 0 ? Float(dim) : alpha }
    /// α / r, or α / √r with rs-LoRA.
    package var scale: Float { effectiveAlpha / (rsLoRA ? Float(dim).squareRoot() : Float(dim)) }
    /// What a plain reader's α / r turns into `scale`.
    package var savedAlpha: Float { rsLoRA ? effectiveAlpha * Float(dim).squareRoot() : effectiveAlpha }

    package func stream(_ suffix: String) -> RandomStream {
        RandomStream(seed: seed, purpose: "adapter/\(name).\(suffix)")
    }

    /// The learnable factor of `use_scalar`, zero at the start; nil without it.
    func makeScalar() -> AdapterTensor? {
        useScalar ? AdapterTensor("scalar", fileShape: [1], shape: [1]) : nil
    }
}

/// Readers' rule: α / r; 1 if the file has no alpha; α = 0 means r.
func scaleOfFile(alpha: Float?, rank: Int) -> Float {
    guard let alpha, alpha != 0, rank > 0 else { return 1 }
    return alpha / Float(rank)
}

/// x times a learnable number.
///
/// - Parameter scalar: `[1]`.
func timesScalar(_ x: Tensor, _ scalar: Tensor) -> Tensor {
    let flat = x.reshaped([x.count, 1])
    return scaleChannels(flat, scalar).reshaped(x.shape)
}
