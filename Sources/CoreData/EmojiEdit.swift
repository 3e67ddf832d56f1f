package import ImageFiles

/// Changes of emoji that can be computed, so that pairs of pictures with an instruction need nobody's hand.
package enum EmojiEdit: String, CaseIterable, Sendable {
    case recolour, glasses, background, expression

    /// What the picture is asked for.
    package var instruction: String {
        switch self {
        case .recolour: "make it blue"
        case .glasses: "add glasses"
        case .background: "remove the background"
        case .expression: "make it smile"
        }
    }

    /// Whether only a face can be changed so.
    package var needsFace: Bool { self == .glasses || self == .expression }

    /// Round yellow faces that look straight ahead and wear nothing over their eyes.
    package static let faces: [UInt32] =
        Array(0x1F600...0x1F60D) + Array(0x1F60F...0x1F620) + Array(0x1F622...0x1F636) + [0x1F641, 0x1F644]
        + [
            0x1F910, 0x1F911, 0x1F912, 0x1F914, 0x1F922, 0x1F924, 0x1F927, 0x1F928, 0x1F929, 0x1F92A, 0x1F92B,
            0x1F970, 0x1F971, 0x1F974, 0x1F97A,
        ]

    /// The face whose mouth the expression takes; itself no object.
    package static let smile: UInt32 = 0x1F642

    /// Source and target.
    ///
    /// - Parameters:
    ///   - subject: one emoji.
    ///   - smile: the picture of `smile`, in the subject's size.
    ///   - backdrop: behind the source whose background is removed.
    ///   - side: width and height of both pictures, in pixels.
    package func pair(
        of subject: RGBAImage, smile: RGBAImage, backdrop: Backdrop, side: Int
    ) -> (source: RGBImage, target: RGBImage) {
        func drawn(_ image: RGBAImage) -> RGBImage { Composition.plain.draw(image, side: side) }
        switch self {
        case .recolour: return (drawn(subject), drawn(Self.blue(subject)))
        case .glasses: return (drawn(subject), drawn(Self.withGlasses(subject.squared())))
        case .background: return (Composition.backdrop(backdrop).draw(subject, side: side), drawn(subject))
        case .expression: return (drawn(subject), drawn(Self.smiling(subject, smile)))
        }
    }

    /// Each pixel in a blue of its own brightness.
    private static func blue(_ image: RGBAImage) -> RGBAImage {
        var out = image
        for pixel in stride(from: 0, to: image.pixels.count, by: 4) {
            // Luma with the weights of ITU-R BT.601.
            let luma =
                0.299 * Float(image.pixels[pixel]) + 0.587 * Float(image.pixels[pixel + 1])
                + 0.114 * Float(image.pixels[pixel + 2])
            for (channel, share) in [Float(0.3), 0.55, 1.3].enumerated() {
                out.pixels[pixel + channel] = UInt8(min(255, (share * luma).rounded()))
            }
        }
        return out
    }

    /// Two dark discs and a bridge where a face has its eyes.
    private static func withGlasses(_ image: RGBAImage) -> RGBAImage {
        var out = image
        let side = Float(image.width)
        for y in 0..<image.height {
            for x in 0..<image.width {
                let right = (Float(x) + 0.5) / side
                let down = (Float(y) + 0.5) / side - 0.42
                let isLens = [right - 0.31, right - 0.69].contains { across in
                    across * across + down * down < 0.0225
                }
                let isBridge = abs(down) < 0.03 && abs(right - 0.5) < 0.42
                guard isLens || isBridge else { continue }
                let start = 4 * (y * image.width + x)
                out.pixels.replaceSubrange(start..<start + 4, with: [24, 24, 32, 255])
            }
        }
        return out
    }

    /// The lower part of the smiling face under the upper part of this one.
    private static func smiling(_ image: RGBAImage, _ smile: RGBAImage) -> RGBAImage {
        precondition(image.width == smile.width && image.height == smile.height, "glyphs of two sizes")
        var out = image
        let start = 4 * image.width * (image.height * 56 / 100)
        out.pixels.replaceSubrange(start..., with: smile.pixels[start...])
        return out
    }
}
