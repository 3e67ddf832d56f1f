import Foundation
package import ImageFiles

/// How an encoder wants its pixels: (value - mean) / deviation for each channel, with values from 0 to 1.
package struct ImagePreprocessing: Equatable {
    package let mean: [Float]
    package let deviation: [Float]

    /// Reads transformers' `preprocessor_config.json`; CLIP's own constants where the folder has none.
    ///
    /// - Throws: `EvaluationError` with `model` for a file that does not say mean and deviation.
    package init(folder: String) throws {
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

    /// The values that transformers' CLIPImageProcessor gives on Pillow: the shorter side to `side`, the
    /// centre, the deviations from the mean; `side * side * 3` of them, rows from the top.
    ///
    /// - Note: of a square picture the resize is the one whose results evaluations have had from the
    ///   beginning; it differs from Pillow by one level in a few pixels.
    package func values(_ image: RGBImage, side: Int) -> [Float] {
        let pixels = centre(image, side: side).pixels
        return pixels.indices.map { (Float(pixels[$0]) / 255 - mean[$0 % 3]) / deviation[$0 % 3] }
    }

    private func centre(_ image: RGBImage, side: Int) -> RGBImage {
        guard image.width != image.height else { return image.squareCropped(side: side) }
        let short = min(image.width, image.height)
        let long = side * max(image.width, image.height) / short
        let isTall = image.width < image.height
        let resized = image.resizedAsPillow(width: isTall ? side : long, height: isTall ? long : side)
        return resized.cropped(
            x: (resized.width - side) / 2, y: (resized.height - side) / 2, width: side, height: side)
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
