/// Splits a dimension in two for LoKr.
///
/// A factor that divides `dimension` gives that pair; otherwise the largest divisor up to √dimension, and up
/// to `factor` if it is positive, gives one. The paper's equation always takes the largest divisor; the
/// package's code, which wrote all existing files, differs where the factor divides the dimension and exceeds
/// its root.
/// - Returns: the smaller part first.
package func factorization(_ dimension: Int, factor: Int) -> (small: Int, large: Int) {
    precondition(dimension > 0, "dimension \(dimension)")
    if factor > 0, dimension % factor == 0 {
        let other = dimension / factor
        return (min(factor, other), max(factor, other))
    }
    var best = 1
    var candidate = 1
    while candidate * candidate <= dimension, factor <= 0 || candidate <= factor {
        if dimension % candidate == 0 { best = candidate }
        candidate += 1
    }
    return (best, dimension / best)
}
