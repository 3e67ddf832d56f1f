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
    /// Of pairs: share of steps that see the source without the instruction, of steps that see neither, and
    /// of steps that see the instruction alone; nil for `usualConditionDropout`.
    package var conditionDropout: Double?
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
        conditionDropout = read.optionalNumber("condition_dropout")
        maxTokenLength = read.integer("max_token_length")
        clipSkip = read.integer("clip_skip")
    }

    /// As in InstructPix2Pix.
    package static let usualConditionDropout = 0.05
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
