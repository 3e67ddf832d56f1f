package import CoreDiffusion
import Foundation
package import ImageFiles
package import RunSpec

/// What an encoder gets of a picture: resized as Pillow does it, fitted to a square, and
/// (value - mean) / deviation for each channel, with values from 0 to 1.
package struct ImagePreprocessing: Equatable {
    /// Where the centre lies if an odd number of pixels is cut off.
    package enum Centre: Equatable, Sendable {
        /// transformers: one pixel less at the left and the top.
        case down
        /// torchvision: half pixels to the even number.
        case even
    }

    package let mean: [Float]
    package let deviation: [Float]
    /// What the shorter side becomes before the centre is cut out.
    package var shortSide: Int
    /// Of the square that the encoder sees.
    package var side: Int
    package var centre: Centre
    package var fit: PictureFit
    /// The resize of square pictures that evaluations by a base's own encoders have had from the beginning;
    /// it differs from Pillow by one level in a few pixels.
    package var keepsFirstResize = false

    package static let imageNetMean: [Float] = [0.485, 0.456, 0.406]
    package static let imageNetDeviation: [Float] = [0.229, 0.224, 0.225]

    package init(
        mean: [Float] = Self.imageNetMean, deviation: [Float] = Self.imageNetDeviation, shortSide: Int? = nil,
        side: Int, centre: Centre = .down, fit: PictureFit = .crop
    ) {
        self.mean = mean
        self.deviation = deviation
        self.shortSide = shortSide ?? side
        self.side = side
        self.centre = centre
        self.fit = fit
    }

    /// Of a CLIP pair: transformers' `preprocessor_config.json` or what OpenCLIP's configuration says; CLIP's
    /// own constants where the folder has neither.
    ///
    /// - Throws: `EvaluationError` with `model` for a file that does not say mean and deviation.
    package init(clip: CLIPFolder, fit: PictureFit = .crop) throws {
        let side = clip.configuration.vision.imageSize
        if clip.isOpenCLIP {
            let own = clip.preprocessing
            self.init(
                mean: own?.mean.map { Float($0) } ?? Self.clipMean,
                deviation: own?.deviation.map { Float($0) } ?? Self.clipDeviation, side: side, centre: .even, fit: fit)
            return
        }
        let file = try File.read(clip.path)
        self.init(
            mean: file?.mean ?? Self.clipMean, deviation: file?.deviation ?? Self.clipDeviation,
            shortSide: file?.shortSide, side: side, fit: fit)
    }

    /// Of DINOv2: `preprocessor_config.json`, or what its published models have.
    ///
    /// - Throws: `EvaluationError` with `model` for a file that does not say mean and deviation.
    package init(dinov2 folder: String, fit: PictureFit = .crop) throws {
        let file = try File.read(folder)
        self.init(
            mean: file?.mean ?? Self.imageNetMean, deviation: file?.deviation ?? Self.imageNetDeviation,
            shortSide: file?.shortSide ?? 256, side: file?.side ?? 224, fit: fit)
        guard shortSide >= side else {
            throw EvaluationError(
                code: .model,
                message: "\(folder): its preprocessor_config.json cuts \(side) pixels out of \(shortSide)")
        }
    }

    package static let clipMean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    package static let clipDeviation: [Float] = [0.26862954, 0.26130258, 0.27577711]

    /// `side * side * 3` values, rows from the top.
    package func values(_ image: RGBImage) -> [Float] { normalized(fitted(image)) }

    /// Of a picture as it is.
    package func normalized(_ image: RGBImage) -> [Float] {
        let pixels = image.pixels
        return pixels.indices.map { (Float(pixels[$0]) / 255 - mean[$0 % 3]) / deviation[$0 % 3] }
    }

    /// The square that the encoder sees.
    package func fitted(_ image: RGBImage) -> RGBImage {
        switch fit {
        case .crop: cropped(image)
        case .resize: image.resizedAsPillow(width: side, height: side)
        case .pad: padded(image)
        }
    }

    private func cropped(_ image: RGBImage) -> RGBImage {
        if keepsFirstResize, image.width == image.height { return image.squareCropped(side: side) }
        let resized = image.shortSideResized(to: shortSide)
        return resized.cropped(
            x: offset(resized.width - side), y: offset(resized.height - side), width: side, height: side)
    }

    private func offset(_ rest: Int) -> Int {
        switch centre {
        case .down: rest / 2
        case .even: Int((Double(rest) / 2).rounded(.toNearestOrEven))
        }
    }

    /// The whole picture in the middle of a black square.
    ///
    /// - SeeAlso: `ResizeMaxSize` of the LyCORIS paper's evaluation.
    private func padded(_ image: RGBImage) -> RGBImage {
        let scale = Double(side) / Double(max(image.width, image.height))
        func scaled(_ length: Int) -> Int { max(1, Int((Double(length) * scale).rounded(.toNearestOrEven))) }
        let resized = image.resizedAsPillow(width: scaled(image.width), height: scaled(image.height))
        var square = RGBImage(width: side, height: side, fill: RGBColor(red: 0, green: 0, blue: 0))
        square.draw(resized, x: (side - resized.width) / 2, y: (side - resized.height) / 2)
        return square
    }

    /// transformers' `preprocessor_config.json`.
    private struct File: Decodable {
        let mean: [Float]
        let deviation: [Float]
        var shortSide: Int?
        var side: Int?

        static func read(_ folder: String) throws -> File? {
            let path = "\(folder)/preprocessor_config.json"
            guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
            let file: File
            do {
                file = try JSONDecoder().decode(File.self, from: bytes)
            } catch {
                throw EvaluationError(code: .model, message: "\(path): wanted image_mean and image_std (\(error))")
            }
            guard file.mean.count == 3, file.deviation.count == 3, file.deviation.allSatisfy({ $0 > 0 }) else {
                throw EvaluationError(
                    code: .model, message: "\(path): image_mean and image_std need three values each")
            }
            guard [file.shortSide, file.side].allSatisfy({ (1...4096).contains($0 ?? 1) }) else {
                throw EvaluationError(code: .model, message: "\(path): size and crop_size need 1 to 4096 pixels")
            }
            return file
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            mean = try values.decode([Float].self, forKey: .mean)
            deviation = try values.decode([Float].self, forKey: .deviation)
            shortSide = Self.side(values, .shortSide)
            side = Self.side(values, .side)
        }

        /// A number, or an object in one of the forms that files have.
        private static func side(_ values: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys) -> Int? {
            // What is of neither form counts as not said.
            if let number = try? values.decode(Int.self, forKey: key) { return number }
            guard let sides = try? values.decode([String: Int].self, forKey: key) else { return nil }
            return sides["shortest_edge"] ?? sides["height"]
        }

        enum CodingKeys: String, CodingKey {
            case mean = "image_mean"
            case deviation = "image_std"
            case shortSide = "size"
            case side = "crop_size"
        }
    }
}

extension RGBImage {
    /// Resized so that the shorter side has so many pixels; the longer one is rounded down, as in
    /// transformers and torchvision.
    package func shortSideResized(to side: Int) -> RGBImage {
        let long = side * max(width, height) / min(width, height)
        return width < height
            ? resizedAsPillow(width: side, height: long) : resizedAsPillow(width: long, height: side)
    }
}
