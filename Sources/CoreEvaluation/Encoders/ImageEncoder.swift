import ImageFiles

/// A network that sees images as vectors. Weights are in memory only between a measurement and `release`: the
/// real ones take as much as half a U-Net.
protocol ImageEncoder: AnyObject {
    /// One vector for each image, as the network gives it. Each image is encoded alone, so that a vector does
    /// not depend on its neighbours.
    ///
    /// - Returns: row-major, an image's vector after the other.
    /// - Throws: `DiffusionError`, `NetsError` or `TensorError` for weights that cannot be loaded.
    func vectors(_ images: [RGBImage]) throws -> [Float]
    /// Vectors of texts in the same space; nil for a network that knows no texts.
    ///
    /// - Throws: as `vectors`.
    func vectors(texts: [String]) throws -> [Float]?
    /// Gives the memory back until the next measurement.
    func release()
}
