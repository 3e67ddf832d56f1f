/// How images and captions are shown to the network.
package struct DataSpec: Codable, Equatable, Sendable {
    /// Passes over the data.
    package var epochs: Int
    /// Images of a batch.
    package var batch: Int
    /// Pixels; nil: what the base was trained on.
    package var resolution: PixelSize?
    /// Batches by aspect ratio.
    package var buckets: Bool
    /// Images are mirrored at random.
    package var flip: Bool
    /// Share of captions replaced by the empty one.
    package var captionDropout: Double
    /// Tokens of a caption: 75, 150 or 225.
    package var maxTokenLength: Int
    /// 1: the text encoder's last layer.
    package var clipSkip: Int

    /// - Throws: `RunSpecError` without epochs or a batch.
    init(_ read: ParameterReader) throws(RunSpecError) {
        epochs = try read.required("epochs", \.integer)
        batch = try read.required("batch", \.integer)
        resolution = read.optionalPixels("resolution")
        buckets = read.flag("buckets")
        flip = read.flag("flip")
        captionDropout = read.number("caption_dropout")
        maxTokenLength = read.integer("max_token_length")
        clipSkip = read.integer("clip_skip")
    }
}

/// Width and height in pixels.
package struct PixelSize: Codable, Hashable, Sendable {
    package var width: Int
    package var height: Int

    package init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }
}
