import CoreNets
import CoreTensor

extension FluxTransformer2DModel {
    /// Loads a folder in diffusers' layout: `config.json` and weights in one file or in shards.
    ///
    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package convenience init(folder path: String) throws {
        let folder = try ModelFolder(path: path)
        let configuration = try FluxConfiguration(path: folder.configurationPath)
        let weights = try folder.open()
        self.init(configuration: configuration)
        try folder.load(weights, into: self)
    }
}

extension Flux2Transformer2DModel {
    /// Loads a folder in diffusers' layout: `config.json` and weights in one file or in shards.
    ///
    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package convenience init(folder path: String) throws {
        let folder = try ModelFolder(path: path)
        let configuration = try Flux2Configuration(path: folder.configurationPath)
        let weights = try folder.open()
        self.init(configuration: configuration)
        try folder.load(weights, into: self)
    }
}

extension SD3Transformer2DModel {
    /// Loads a folder in diffusers' layout: `config.json` and weights in one file or in shards.
    ///
    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package convenience init(folder path: String) throws {
        let folder = try ModelFolder(path: path)
        let configuration = try SD3Configuration(path: folder.configurationPath)
        let weights = try folder.open()
        self.init(configuration: configuration)
        try folder.load(weights, into: self)
    }
}

extension T5EncoderModel {
    /// Loads a folder in transformers' layout; of a whole T5, the encoder.
    ///
    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package convenience init(folder path: String) throws {
        let folder = try ModelFolder(path: path)
        let configuration = try T5Configuration(path: folder.configurationPath)
        let weights = try folder.open()
        self.init(configuration: configuration)
        // The same table has up to three names.
        let hasShared = weights.contains { $0.info("shared.weight") != nil }
        try folder.load(weights, into: self) { name in
            if name == "encoder.embed_tokens.weight" { return hasShared ? nil : "shared.weight" }
            return name.hasPrefix("decoder.") || name.hasPrefix("lm_head.") ? nil : name
        }
    }
}
