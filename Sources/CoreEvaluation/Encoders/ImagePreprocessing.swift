import Foundation

/// How an encoder wants its pixels: (value - mean) / deviation for each channel, with values from 0 to 1.
struct ImagePreprocessing: Equatable {
    let mean: [Float]
    let deviation: [Float]

    /// Reads transformers' `preprocessor_config.json`; CLIP's own constants where the folder has none.
    init(folder: String) throws {
        let path = "\(folder)/preprocessor_config.json"
        guard let bytes = FileManager.default.contents(atPath: path) else {
            mean = [0.48145466, 0.4578275, 0.40821073]
            deviation = [0.26862954, 0.26130258, 0.27577711]
            return
        }
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: bytes)
        } catch {
            throw EvaluationError(code: .model, message: "\(path): wanted image_mean and image_std (\(error))")
        }
        guard file.mean.count == 3, file.deviation.count == 3, file.deviation.allSatisfy({ $0 > 0 }) else {
            throw EvaluationError(code: .model, message: "\(path): image_mean and image_std need three values each")
        }
        mean = file.mean
        deviation = file.deviation
    }

    private struct File: Decodable {
        let mean: [Float]
        let deviation: [Float]

        enum CodingKeys: String, CodingKey {
            case mean = "image_mean"
            case deviation = "image_std"
        }
    }
}
