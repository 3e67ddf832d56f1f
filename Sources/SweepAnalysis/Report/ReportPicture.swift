import ImageFiles

/// A picture in a report: small enough for one file, with the way to its original.
package struct ReportPicture: Sendable {
    package enum Kind: Equatable, Sendable {
        /// Many images of one checkpoint on one page.
        case contactSheet
        /// One image that a trainer wrote.
        case sample
    }

    package var job: String
    package var kind: Kind
    /// Of the checkpoint; empty for a sample.
    package var checkpoint: String
    /// What a sample is called; empty for a contact sheet.
    package var name: String
    /// nil where it is not known.
    package var step: Int?
    /// A WebP file.
    package var bytes: [UInt8]
    package var width: Int
    package var height: Int
    /// Where the original is served; nil where it is not.
    package var original: String?

    package init(
        job: String, kind: Kind, checkpoint: String = "", name: String = "", step: Int?, thumbnail: Thumbnail,
        original: String? = nil
    ) {
        self.job = job
        self.kind = kind
        self.checkpoint = checkpoint
        self.name = name
        self.step = step
        bytes = thumbnail.bytes
        width = thumbnail.width
        height = thumbnail.height
        self.original = original
    }

    /// The number at the end of a checkpoint's or a sample's name, before its ending: `step-000400`,
    /// `e000010_sample.png` has none.
    package static func step(in name: String) -> Int? {
        let stem = name.split(separator: ".").first ?? ""
        let digits = stem.reversed().prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty ? nil : Int(String(digits.reversed()))
    }
}

/// A picture made small.
package struct Thumbnail: Sendable {
    package var bytes: [UInt8]
    package var width: Int
    package var height: Int

    /// Smaller ones show nothing.
    private static let smallestSide = 48
    private static let quality = 72.0

    /// - Parameters:
    ///   - file: PNG, JPEG or WebP.
    ///   - side: the longest side that it may have, in pixels.
    ///   - limit: the bytes that it should not pass; it is made smaller until it fits, but not below 48
    ///     pixels.
    /// - Throws: `ImageFileError`.
    package init(of file: [UInt8], name: String, side: Int, limit: Int) throws {
        let original = try ImageFile.decode(file, name: name).composited()
        let longest = max(original.width, original.height)
        var wanted = min(side, longest)
        while true {
            let factor = Double(wanted) / Double(longest)
            let image = original.resized(
                width: max(1, Int((Double(original.width) * factor).rounded())),
                height: max(1, Int((Double(original.height) * factor).rounded())))
            bytes = try WebPFile.encode(image, quality: Self.quality)
            (width, height) = (image.width, image.height)
            if bytes.count <= limit || wanted <= Self.smallestSide { return }
            let share = (Double(limit) / Double(bytes.count)).squareRoot()
            wanted = max(Self.smallestSide, Int(Double(wanted) * min(0.9, share)))
        }
    }
}

/// How many bytes a report's pictures may take together, however many there are.
package struct PictureBudget: Sendable {
    /// Of WebP; base64 makes four bytes of three.
    package static let bytes = 8_500_000
    /// The winner's, which is looked at closely.
    package static let best = 400_000
    /// Its longest side, in pixels.
    package static let bestSide = 1400
    /// More are not shown: nobody would look at them.
    package static let mostPictures = 300

    package let count: Int

    package init(count: Int) { self.count = min(count, Self.mostPictures) }

    /// For each of the others.
    package var limit: Int { min(90_000, (Self.bytes - 2 * Self.best) / max(1, count)) }
    /// The longest side of each, in pixels.
    package var side: Int { count <= 40 ? 900 : 640 }
}
