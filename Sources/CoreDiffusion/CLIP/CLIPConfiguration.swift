/// The sizes of a pair of CLIP encoders, from its `config.json`.
package struct CLIPConfiguration: Equatable, Sendable {
    package var text: CLIPTextConfiguration
    package var vision: CLIPVisionConfiguration
    package var projectionWidth: Int
    /// Where the logarithm of the similarity's scale starts when training from scratch.
    package var initialLogitScale = 2.6592

    package init(text: CLIPTextConfiguration, vision: CLIPVisionConfiguration, projectionWidth: Int) {
        self.text = text
        self.vision = vision
        self.projectionWidth = projectionWidth
    }

    /// - Throws: `DiffusionError` for a file that is missing or no JSON, or a configuration that this module
    ///   does not know.
    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        try reader.support("_class_name")
        try reader.support("model_type", only: .text("clip"))
        text = try CLIPTextConfiguration(Self.part("text_config", of: &reader, path: path))
        vision = try CLIPVisionConfiguration(Self.part("vision_config", of: &reader, path: path))
        projectionWidth = try reader.integer("projection_dim") ?? 512
        initialLogitScale = try reader.number("logit_scale_init_value") ?? 2.6592
        reader.ignoreNotes()
        try reader.finish()
        try reader.bound("projection_dim", projectionWidth, 1...65536)
    }

    /// One encoder's keys. Early versions wrote them a second time under `…_dict`, which wins in transformers
    /// too.
    private static func part(
        _ key: String, of reader: inout ConfigurationReader, path: String
    ) throws -> ConfigurationReader {
        let plain = try reader.object(key)
        let old = try reader.object(key + "_dict")
        return ConfigurationReader(old ?? plain ?? [:], label: "\(path): \(old == nil ? key : key + "_dict")")
    }

    package var json: [String: JSONValue] {
        [
            "model_type": .text("clip"), "architectures": .texts(["CLIPModel"]),
            "projection_dim": .number(Double(projectionWidth)), "logit_scale_init_value": .number(initialLogitScale),
            "text_config": .object(text.json), "vision_config": .object(vision.json),
        ]
    }
}
