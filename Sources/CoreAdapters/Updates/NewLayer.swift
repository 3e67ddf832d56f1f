package import CoreTensor
package import RunSpec

/// What decides one layer's new adapter: the algorithm's options, and the layer's own rank and alpha.
package struct NewLayer {
    /// The layer's name in files; it names the random streams.
    package let name: String
    package let seed: UInt64
    /// Rank; nil stands for full matrices (LoKr).
    package let rank: Int?
    /// As given (`AlphaScale`).
    package let alpha: Float
    package var options: AlgorithmOptions

    package init(name: String, seed: UInt64, rank: Int?, alpha: Float, options: AlgorithmOptions = AlgorithmOptions()) {
        self.name = name
        self.seed = seed
        self.rank = rank
        self.alpha = alpha
        self.options = options
    }

    package var dim: Int { rank ?? 1 }
    /// The alpha that counts.
    var effectiveAlpha: Float { AlphaScale.alpha(alpha, rank: Float(dim)) }
    /// α / r, or α / √r with rs-LoRA.
    package var scale: Float { effectiveAlpha / (options.rsLoRA ? Float(dim).squareRoot() : Float(dim)) }
    /// What a plain reader's α / r turns into `scale`.
    package var savedAlpha: Float { options.rsLoRA ? effectiveAlpha * Float(dim).squareRoot() : effectiveAlpha }

    /// The random numbers that one of the layer's tensors begins with.
    package func stream(_ suffix: String) -> RandomStream {
        RandomStream(seed: seed, purpose: "adapter/\(name).\(suffix)")
    }

    /// The learnable factor of `use_scalar`, zero at the start; nil without it.
    func makeScalar() -> AdapterTensor? {
        options.useScalar ? AdapterTensor("scalar", fileShape: [1], shape: [1]) : nil
    }
}

/// x times a learnable number.
///
/// - Parameter scalar: `[1]`.
func timesScalar(_ x: Tensor, _ scalar: Tensor) -> Tensor {
    let flat = x.reshaped([x.count, 1])
    return scaleChannels(flat, scalar).reshaped(x.shape)
}
