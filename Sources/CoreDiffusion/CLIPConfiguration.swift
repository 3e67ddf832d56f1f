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

    package init(path: String) throws {
        var reader = try ConfigurationReader(path: path)
        try reader.support("_class_name")
        try reader.support("model_type", only: .text("clip"))
        text = try CLIPTextConfiguration(
            ConfigurationReader(try reader.object("text_config") ?? [:], label: path + ": text_config"))
        vision = try CLIPVisionConfiguration(
            ConfigurationReader(try reader.object("vision_config") ?? [:], label: path + ": vision_config"))
        projectionWidth = try reader.integer("projection_dim") ?? 512
        initialLogitScale = try reader.number("logit_scale_init_value") ?? 2.6592
        guard projectionWidth > 0 else { throw reader.wrong("projection_dim", wanted: "a positive width") }
    }

    package var json: [String: JSONValue] {
        [
            "model_type": .text("clip"), "architectures": .texts(["CLIPModel"]),
            "projection_dim": .number(Double(projectionWidth)), "logit_scale_init_value": .number(initialLogitScale),
            "text_config": .object(text.json), "vision_config": .object(vision.json),
        ]
    }
}
