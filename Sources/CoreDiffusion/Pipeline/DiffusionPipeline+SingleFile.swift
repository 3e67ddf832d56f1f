import Foundation

extension DiffusionPipeline {
    /// Loads a single file, which has no tokenizer: `vocab.json` and `merges.txt` lie beside it, or in
    /// another folder.
    ///
    /// Where diffusers' configurations lie beside the file, or around the tokenizer's folder, they say the
    /// sizes.
    /// - Parameters:
    ///   - tokenizer: the tokenizer's folder; nil looks beside the file.
    ///   - keepsHalves: keep the U-Net's matrices and filters as half floats where that loses nothing.
    ///   - loaded: networks of the same base that are in memory already.
    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package init(
        singleFile path: String, tokenizer: String? = nil, keepsHalves: Bool = false,
        sharing loaded: LoadedNetworks? = nil
    ) throws {
        let checkpoint = try SingleFileCheckpoint(
            path: path, configurations: Self.configurations(of: path, tokenizer: tokenizer))
        let folder = try Self.tokenizerFolder(of: path, tokenizer)
        let words = try CLIPTokenizer(directory: folder)
        self.init(
            unet: try loaded?.unet as? UNet2DConditionModel ?? checkpoint.loadUNet(keepsHalves: keepsHalves),
            vae: try checkpoint.loadAutoencoder(),
            textEncoder: try loaded?.textEncoder ?? checkpoint.loadTextEncoder(), tokenizer: words,
            schedule: try checkpoint.schedule(),
            textEncoder2: checkpoint.isLarge ? try loaded?.textEncoder2 ?? checkpoint.loadSecondTextEncoder() : nil,
            tokenizer2: checkpoint.isLarge ? try Self.secondTokenizer(words, folder: folder) : nil,
            zerosForEmptyPrompt: checkpoint.isLarge)
        try check(label: path)
    }

    /// Loads a folder in diffusers' layout or a single file, whichever the path names.
    ///
    /// - Throws: `DiffusionError` for a configuration that is missing or not known, `NetsError` for weights
    ///   that are missing or do not fit, `TensorError` for a broken file.
    package static func load(
        path: String, tokenizer: String? = nil, keepsHalves: Bool = false, sharing loaded: LoadedNetworks? = nil
    ) throws -> DiffusionPipeline {
        try isSingleFile(path)
            ? DiffusionPipeline(singleFile: path, tokenizer: tokenizer, keepsHalves: keepsHalves, sharing: loaded)
            : DiffusionPipeline(directory: path, keepsHalves: keepsHalves, sharing: loaded)
    }

    /// - Throws: `DiffusionError.missingFile` if there is nothing at the path.
    package static func isSingleFile(_ path: String) throws -> Bool {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw DiffusionError(code: .missingFile, message: "no model at \(path)")
        }
        return !isFolder.boolValue
    }

    /// The folder that may hold diffusers' configurations for a single file.
    package static func configurations(of path: String, tokenizer: String?) -> String? {
        let beside = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let around = tokenizer.map { [$0, URL(fileURLWithPath: $0).deletingLastPathComponent().path] } ?? []
        return ([beside] + around).first { FileManager.default.fileExists(atPath: $0 + "/unet/config.json") }
    }

    /// The tokenizer of a base in one file.
    ///
    /// - Throws: `DiffusionError` without the tokenizer's files.
    package static func tokenizer(ofSingleFile path: String, _ given: String?) throws -> CLIPTokenizer {
        try CLIPTokenizer(directory: tokenizerFolder(of: path, given))
    }

    private static func tokenizerFolder(of path: String, _ given: String?) throws -> String {
        let beside = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let places = given.map { [$0, $0 + "/tokenizer"] } ?? [beside, beside + "/tokenizer"]
        guard let folder = places.first(where: CLIPTokenizer.isThere) else {
            throw DiffusionError(
                code: .missingFile,
                message: given.map { "\($0): no vocab.json there; wanted the tokenizer's folder" }
                    ?? "\(path) has no tokenizer: put vocab.json and merges.txt beside it, or name their folder (--tokenizer)"
            )
        }
        return folder
    }

    /// SDXL's second tokenizer: its own folder beside the first one's, else the same words padded with id 0.
    private static func secondTokenizer(_ first: CLIPTokenizer, folder: String) throws -> CLIPTokenizer {
        let own = URL(fileURLWithPath: folder).deletingLastPathComponent().path + "/tokenizer_2"
        if CLIPTokenizer.isThere(own) { return try CLIPTokenizer(directory: own) }
        var special = first.special
        special.pad = first.vocabulary.first { $0.value == 0 }?.key ?? special.pad
        return try CLIPTokenizer(
            vocabulary: first.vocabulary, merges: first.merges, special: special, length: first.length)
    }
}
