import Foundation

extension T5Tokenizer {
    private static let names = ["tokenizer.json", "spiece.model", "tokenizer_config.json", "special_tokens_map.json"]

    /// `model_max_length`, unless it is transformers' "very large" or not there.
    static func longest(_ directory: String) throws -> Int? {
        let path = directory + "/tokenizer_config.json"
        guard FileManager.default.fileExists(atPath: path),
            case .number(let number) = try JSONValue.object(path: path)["model_max_length"], (2..<1e6).contains(number)
        else { return nil }
        return Int(number)
    }

    /// Copies the files that it was read from, unless they are there already.
    ///
    /// - Throws: `DiffusionError` for a tokenizer that came from no folder, or Foundation's error.
    func copy(to directory: String) throws {
        guard let folder else {
            throw DiffusionError(
                code: .unsupportedConfiguration, message: "\(directory): a tokenizer without files cannot be written")
        }
        let places = [folder, directory].map { URL(fileURLWithPath: $0).standardizedFileURL.path }
        guard places[0] != places[1] else { return }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for name in Self.names where FileManager.default.fileExists(atPath: "\(folder)/\(name)") {
            try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
                .write(to: URL(fileURLWithPath: "\(directory)/\(name)"), options: .atomic)
        }
    }
}
