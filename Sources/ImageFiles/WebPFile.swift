import CImageFiles

/// Writing lossy WebP: small pictures for pages, where the original lies elsewhere.
package enum WebPFile {
    /// WebP holds no longer side.
    package static let largestSide = Int(RADIATA_WEBP_LARGEST_SIDE)

    /// - Parameter quality: from 0 (smallest file) to 100 (best picture); colours are stored at half the
    ///   resolution (4:2:0) at every quality.
    /// - Throws: `ImageFileError` for a picture of more than `largestSide` pixels a side.
    package static func encode(_ image: RGBImage, quality: Double = 80) throws -> [UInt8] {
        precondition((0...100).contains(quality), "a WebP quality of \(quality)")
        var memory: UnsafeMutablePointer<UInt8>?
        var count = 0
        var message = [CChar](repeating: 0, count: Int(RADIATA_IMAGE_MESSAGE_SIZE))
        let failed = radiata_webp_encode(
            image.pixels, UInt32(image.width), UInt32(image.height), Float(quality), &memory, &count, &message)
        guard failed == 0, let memory else {
            let reason = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw ImageFileError(code: .unwritable, message: "WebP encoding failed: \(reason)")
        }
        defer { radiata_image_free(memory) }
        return [UInt8](UnsafeBufferPointer(start: memory, count: count))
    }
}
