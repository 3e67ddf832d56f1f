import CImageFiles
import Foundation

/// Reading PNG and JPEG files, told apart by their first bytes and not by their name.
package enum ImageFile {
    /// Larger pictures are refused before memory is taken for them: 2²⁶ pixels are 256 MB decoded.
    package static let pixelLimit: UInt64 = 1 << 26

    /// Endings of names that folders of training images are searched for, in lower case.
    package static let extensions: Set<String> = ["png", "jpg", "jpeg"]

    /// The picture on white (alpha is composited).
    package static func read(_ path: String, background: RGBColor = .white) throws -> RGBImage {
        try readWithAlpha(path).composited(over: background)
    }

    package static func readWithAlpha(_ path: String) throws -> RGBAImage {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw ImageFileError(
                code: .unreadable, message: "\(path): cannot be read (\(error.localizedDescription)); check the path")
        }
        return try decode([UInt8](data), name: path)
    }

    /// - Parameter name: stands in the error message; the path for files, something telling for bytes from elsewhere.
    package static func decode(_ bytes: [UInt8], name: String) throws -> RGBAImage {
        var image = radiata_image()
        let failed: Int32
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
            failed = radiata_png_decode(bytes, bytes.count, pixelLimit, &image)
        } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            failed = radiata_jpeg_decode(bytes, bytes.count, pixelLimit, &image)
        } else {
            let found = bytes.isEmpty ? "an empty file" : "other content"
            throw ImageFileError(
                code: .notAnImage, message: "\(name): found \(found), wanted a PNG or JPEG image; remove or replace it")
        }
        guard failed == 0, let memory = image.pixels else {
            let reason = withUnsafeBytes(of: image.message) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            throw ImageFileError(
                code: .damaged,
                message: "\(name): damaged or truncated image (\(reason)); copy it again or remove it")
        }
        defer { radiata_image_free(memory) }
        let width = Int(image.width)
        let height = Int(image.height)
        let pixels = [UInt8](UnsafeBufferPointer(start: memory, count: width * height * 4))
        return RGBAImage(width: width, height: height, pixels: pixels)
    }
}
