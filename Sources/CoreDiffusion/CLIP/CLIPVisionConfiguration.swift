/// The sizes of CLIP's image encoder, from the `vision_config` of a `config.json`.
package struct CLIPVisionConfiguration: Equatable, Sendable {
    package var sizes: CLIPLayerSizes
    package var imageSize: Int
    package var patchSize: Int
    package var channels: Int

    package init(sizes: CLIPLayerSizes, imageSize: Int, patchSize: Int, channels: Int = 3) {
        self.sizes = sizes
        self.imageSize = imageSize
        self.patchSize = patchSize
        self.channels = channels
    }

    init(_ source: ConfigurationReader) throws {
        var reader = source
        try reader.support("model_type", only: .text("clip_vision_model"))
        let standard = CLIPLayerSizes(width: 768, intermediateWidth: 3072, layers: 12, heads: 12)
        sizes = try CLIPLayerSizes(&reader, defaults: standard)
        imageSize = try reader.integer("image_size") ?? 224
        patchSize = try reader.integer("patch_size") ?? 32
        channels = try reader.integer("num_channels") ?? 3
        // The projection's width stands in the pair's configuration.
        reader.ignore("projection_dim")
        reader.ignoreNotes()
        try reader.finish()
        try reader.bound("num_channels", channels, 1...64)
        try reader.bound("image_size", imageSize, 1...8192)
        try reader.bound("patch_size", patchSize, 1...imageSize)
    }

    /// Patches along one side.
    package var grid: Int { imageSize / patchSize }

    package var json: [String: JSONValue] {
        let own: [String: JSONValue] = [
            "model_type": .text("clip_vision_model"), "image_size": .number(Double(imageSize)),
            "patch_size": .number(Double(patchSize)), "num_channels": .number(Double(channels)),
        ]
        return own.merging(sizes.json) { first, _ in first }
    }
}
