package import ImageFiles

/// How a subject is put on the canvas. Each case has a caption, so that a model trained on them knows what
/// the words mean.
package enum Composition: Equatable, Hashable, Sendable {
    case plain
    case backdrop(Backdrop)
    case placed(Placement)
    case rendered(Rendering)
    /// Two subjects side by side; the value is the second one's name.
    case pair(with: String)

    /// The caption of a picture composed so.
    package func caption(of subject: String) -> String {
        switch self {
        case .plain: subject
        case .backdrop(let backdrop): backdrop.caption(of: subject)
        case .placed(let placement): placement.caption(of: subject)
        case .rendered(let rendering): rendering.caption(of: subject)
        case .pair(let other): "\(subject) and \(other)"
        }
    }

    /// - Parameters:
    ///   - side: width and height of the result in pixels.
    ///   - partner: the second subject of a pair.
    ///   - jitter: moves and scales the subject a little; zero for the canonical picture.
    package func draw(
        _ subject: RGBAImage, partner: RGBAImage? = nil, side: Int, jitter: Jitter = .none
    ) -> RGBImage {
        var ground = RGBColor.white
        if case .backdrop(let backdrop) = self { ground = backdrop.color }
        var canvas = RGBAImage(
            width: side, height: side,
            pixels: (0..<side * side).flatMap { _ in [ground.red, ground.green, ground.blue, 255] })
        switch self {
        case .plain, .backdrop, .rendered:
            let size = Self.scaled(side, 0.94 * jitter.scale)
            let at = (side - size) / 2
            canvas.lay(subject, x: at + jitter.right, y: at + jitter.down, size: size)
        case .placed(let placement):
            let size = Self.scaled(side, 0.5 * jitter.scale)
            let far = side - size - side / 32
            canvas.lay(
                subject, x: (placement.isLeft ? side / 32 : far) + jitter.right,
                y: (placement.isTop ? side / 32 : far) + jitter.down, size: size)
        case .pair:
            let size = Self.scaled(side, 0.48 * jitter.scale)
            let top = (side - size) / 2 + jitter.down
            canvas.lay(subject, x: side / 64 + jitter.right, y: top, size: size)
            if let partner { canvas.lay(partner, x: side - size - side / 64 + jitter.right, y: top, size: size) }
        }
        let picture = canvas.composited()
        if case .rendered(let rendering) = self { return rendering.applied(to: picture) }
        return picture
    }

    /// A small displacement in pixels and a factor of size.
    package struct Jitter: Sendable {
        package var right: Int
        package var down: Int
        package var scale: Double

        package init(right: Int, down: Int, scale: Double) {
            self.right = right
            self.down = down
            self.scale = scale
        }

        package static let none = Jitter(right: 0, down: 0, scale: 1)
    }

    private static func scaled(_ side: Int, _ factor: Double) -> Int { max(1, Int((Double(side) * factor).rounded())) }
}

extension RGBAImage {
    /// Lays a picture, squared and resized to `size`, over this one.
    fileprivate mutating func lay(_ picture: RGBAImage, x: Int, y: Int, size: Int) {
        let small = picture.squared().resized(width: size, height: size)
        for row in max(0, -y)..<max(max(0, -y), min(size, height - y)) {
            for column in max(0, -x)..<max(max(0, -x), min(size, width - x)) {
                let from = 4 * (row * size + column)
                let to = 4 * ((y + row) * width + x + column)
                let alpha = Int(small.pixels[from + 3])
                for channel in 0..<3 {
                    let mixed = Int(small.pixels[from + channel]) * alpha + Int(pixels[to + channel]) * (255 - alpha)
                    pixels[to + channel] = UInt8((mixed + 127) / 255)
                }
            }
        }
    }
}
