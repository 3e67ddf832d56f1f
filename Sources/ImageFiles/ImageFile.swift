import CImageFiles
import Foundation

/// Reading PNG, JPEG and WebP files as every viewer shows them: upright, and in sRGB.
///
/// Formats are told apart by their first bytes and not by the file's name.
package enum ImageFile {
    /// Larger pictures are refused before memory is taken for them: 2²⁶ pixels are 256 MB decoded.
    package static let pixelLimit: UInt64 = 1 << 26

    /// Endings of names that folders of training images are searched for, in lower case.
    package static let extensions: Set<String> = ["png", "jpg", "jpeg", "webp"]

    /// A picture as it came out of its file.
    package struct Decoded: Sendable {
        package let image: RGBAImage
        /// What a person should know although the picture can be shown, the file's name first; nil if
        /// nothing.
        package let warning: String?
        /// The first generation of this reader gave other pixels or refused the file
        /// (`InputReference.reading`).
        package let isNewlyRead: Bool
    }

    /// The picture on white (alpha is composited).
    package static func read(_ path: String, background: RGBColor = .white) throws -> RGBImage {
        try readWithAlpha(path).composited(over: background)
    }

    package static func readWithAlpha(_ path: String) throws -> RGBAImage { try load(path).image }

    package static func load(_ path: String) throws -> Decoded {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw ImageFileError(
                code: .unreadable, message: "\(path): cannot be read (\(error.localizedDescription)); check the path")
        }
        return try load([UInt8](data), name: path)
    }

    /// - Parameter name: stands in the error message; the path for files, something telling for bytes from
    ///   elsewhere.
    package static func decode(_ bytes: [UInt8], name: String) throws -> RGBAImage {
        try load(bytes, name: name).image
    }

    package static func load(_ bytes: [UInt8], name: String) throws -> Decoded {
        var image = radiata_image()
        let code: Int32
        switch ImageFormat(bytes) {
        case .png: code = radiata_png_decode(bytes, bytes.count, pixelLimit, &image)
        case .jpeg: code = radiata_jpeg_decode(bytes, bytes.count, pixelLimit, &image)
        case .webp: code = radiata_webp_decode(bytes, bytes.count, pixelLimit, &image)
        case .other(let format):
            throw ImageFileError(
                code: .unsupported,
                message: "\(name): \(format) images are not supported; convert it to PNG, JPEG or WebP")
        case .unknown:
            let found = bytes.isEmpty ? "an empty file" : "other content"
            throw ImageFileError(
                code: .notAnImage,
                message: "\(name): found \(found), wanted a PNG, JPEG or WebP image; remove or replace it")
        }
        guard code == Int32(RADIATA_IMAGE_OK), let memory = image.pixels else {
            throw fault(code, text(image.message), name)
        }
        defer { radiata_image_free(memory) }
        let width = Int(image.width)
        let height = Int(image.height)
        let pixels = [UInt8](UnsafeBufferPointer(start: memory, count: width * height * 4))
        let warning = text(image.warning)
        return Decoded(
            image: RGBAImage(width: width, height: height, pixels: pixels),
            warning: warning.isEmpty ? nil : "\(name): \(warning)", isNewlyRead: image.is_changed != 0)
    }

    private static func fault(_ code: Int32, _ reason: String, _ name: String) -> ImageFileError {
        switch Int(code) {
        case Int(RADIATA_IMAGE_UNSUPPORTED):
            ImageFileError(
                code: .unsupported,
                message: "\(name): this kind of image is not supported (\(reason)); save it as a plain PNG or JPEG")
        case Int(RADIATA_IMAGE_TOO_LARGE):
            ImageFileError(
                code: .tooLarge,
                message: "\(name): too large (\(reason)), at most \(pixelLimit) pixels are read; make it smaller")
        case Int(RADIATA_IMAGE_NO_MEMORY):
            ImageFileError(code: .unreadable, message: "\(name): not enough memory to read it; make it smaller")
        default:
            ImageFileError(
                code: .damaged,
                message: "\(name): damaged or truncated image (\(reason)); copy it again or remove it")
        }
    }

    /// The C string in a fixed array.
    private static func text<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { raw in String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
