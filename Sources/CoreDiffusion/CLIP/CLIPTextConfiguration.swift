/// The sizes and special ids of a CLIP text encoder, from its `config.json`.
package struct CLIPTextConfiguration: Equatable, Sendable {
    package var vocabularySize: Int
    package var sizes: CLIPLayerSizes
    package var positions: Int
    package var projectionWidth: Int
    /// Whether the model has a projection of its own (`CLIPTextModelWithProjection`, SDXL's second encoder).
    package var hasProjection = false
    package var startID: Int32
    /// 2 means an old configuration: the end is then where the largest id stands.
    package var endID: Int32
    package var padID: Int32

    package init(
        vocabularySize: Int, sizes: CLIPLayerSizes, positions: Int = 77, projectionWidth: Int? = nil, startID: Int32,
        endID: Int32, padID: Int32
    ) {
        self.vocabularySize = vocabularySize
        self.sizes = sizes
        self.positions = positions
        self.projectionWidth = projectionWidth ?? sizes.width
        self.startID = startID
        self.endID = endID
        self.padID = padID
    }

    /// - Throws: `DiffusionError` for a file that is missing or no JSON, or a configuration that this module
    ///   does not know.
    package init(path: String) throws {
        try self.init(ConfigurationReader(path: path))
    }

    /// - Throws: `DiffusionError` naming the key that is unknown, unsupported or impossible.
    package init(_ source: ConfigurationReader) throws {
        var reader = source
        try reader.support("_class_name")
        try reader.support("model_type", only: .text("clip_text_model"))
        let standard = CLIPLayerSizes(width: 512, intermediateWidth: 2048, layers: 12, heads: 8)
        vocabularySize = try reader.integer("vocab_size") ?? 49408
        sizes = try CLIPLayerSizes(&reader, defaults: standard)
        positions = try reader.integer("max_position_embeddings") ?? 77
        projectionWidth = try reader.integer("projection_dim") ?? 512
        hasProjection = try reader.texts("architectures")?.contains("CLIPTextModelWithProjection") ?? false
        startID = try Self.id(&reader, "bos_token_id") ?? 49406
        endID = try Self.id(&reader, "eos_token_id") ?? 49407
        padID = try Self.id(&reader, "pad_token_id") ?? 1
        reader.ignoreNotes()
        try reader.finish()
        try reader.bound("vocab_size", vocabularySize, 1...16_777_216)
        try reader.bound("max_position_embeddings", positions, 1...1_048_576)
        try reader.bound("projection_dim", projectionWidth, 1...65536)
    }

    private static func id(_ reader: inout ConfigurationReader, _ key: String) throws -> Int32? {
        guard let number = try reader.integer(key) else { return nil }
        guard let id = Int32(exactly: number) else { throw reader.wrong(key, wanted: "an id of the vocabulary") }
        return id
    }

    /// What `config.json` holds, so that transformers builds the same network.
    package var json: [String: JSONValue] {
        let own: [String: JSONValue] = [
            "model_type": .text("clip_text_model"), "vocab_size": .number(Double(vocabularySize)),
            "architectures": .texts([hasProjection ? "CLIPTextModelWithProjection" : "CLIPTextModel"]),
            "max_position_embeddings": .number(Double(positions)), "projection_dim": .number(Double(projectionWidth)),
            "bos_token_id": .number(Double(startID)), "eos_token_id": .number(Double(endID)),
            "pad_token_id": .number(Double(padID)),
        ]
        return own.merging(sizes.json) { first, _ in first }
    }
}
