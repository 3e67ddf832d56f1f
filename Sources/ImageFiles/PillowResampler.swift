/// Pillow's resizing of pictures with eight bits a channel, to the bit: weights in fixed point with 22 bits
/// behind the point, bytes between the two passes.
///
/// - SeeAlso: src/libImaging/Resample.c of Pillow 13.
struct PillowResampler {
    private struct Taps {
        var first: Int
        var weights: [Int32]
    }

    private let taps: [Taps]
    private let from: Int

    private static let bits: Int32 = 32 - 8 - 2

    init(from: Int, to: Int) {
        precondition(to > 0, "a resize to \(to) pixels")
        self.from = from
        let scale = Double(from) / Double(to)
        let stretch = max(1, scale)
        let support = 2 * stretch
        taps = (0..<to).map { index in
            let centre = (Double(index) + 0.5) * scale
            let first = max(0, Int(centre - support + 0.5))
            let end = min(from, Int(centre + support + 0.5))
            var weights = (first..<end).map { Resampler.cubic((Double($0) - centre + 0.5) * (1 / stretch)) }
            let sum = weights.reduce(0, +)
            if sum != 0 { weights = weights.map { $0 / sum } }
            return Taps(
                first: first,
                weights: weights.map { Int32($0 * Double(1 << Self.bits) + ($0 < 0 ? -0.5 : 0.5)) })
        }
    }

    /// `[rows, from, 3]` → `[rows, to, 3]`.
    func alongRows(_ values: [UInt8], rows: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: rows * taps.count * 3)
        for row in 0..<rows {
            for (column, tap) in taps.enumerated() {
                let to = (row * taps.count + column) * 3
                let start = (row * from + tap.first) * 3
                for channel in 0..<3 {
                    var sum: Int32 = 1 << (Self.bits - 1)
                    for (offset, weight) in tap.weights.enumerated() {
                        sum &+= Int32(values[start + 3 * offset + channel]) &* weight
                    }
                    out[to + channel] = Self.clipped(sum)
                }
            }
        }
        return out
    }

    /// `[from, rowSize]` → `[to, rowSize]`.
    func alongColumns(_ values: [UInt8], rowSize: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: taps.count * rowSize)
        var sums = [Int32](repeating: 0, count: rowSize)
        for (row, tap) in taps.enumerated() {
            for column in 0..<rowSize { sums[column] = 1 << (Self.bits - 1) }
            for (offset, weight) in tap.weights.enumerated() {
                let at = (tap.first + offset) * rowSize
                for column in 0..<rowSize { sums[column] &+= Int32(values[at + column]) &* weight }
            }
            for column in 0..<rowSize { out[row * rowSize + column] = Self.clipped(sums[column]) }
        }
        return out
    }

    private static func clipped(_ sum: Int32) -> UInt8 { UInt8(max(0, min(255, sum >> bits))) }
}

extension RGBImage {
    /// The bytes that Pillow's BICUBIC gives.
    package func resizedAsPillow(width newWidth: Int, height newHeight: Int) -> RGBImage {
        var columns = width
        var bytes = pixels
        func alongRows(rows: Int) {
            guard newWidth != width else { return }
            bytes = PillowResampler(from: width, to: newWidth).alongRows(bytes, rows: rows)
            columns = newWidth
        }
        func alongColumns() {
            guard newHeight != height else { return }
            bytes = PillowResampler(from: height, to: newHeight).alongColumns(bytes, rowSize: columns * 3)
        }
        if takesColumnsFirst(width: newWidth, height: newHeight) {
            alongColumns()
            alongRows(rows: newHeight)
        } else {
            alongRows(rows: height)
            alongColumns()
        }
        return RGBImage(width: newWidth, height: newHeight, pixels: bytes)
    }

    /// Pillow mixes rows of pixels first, except where the columns shrink by more than twice as many pixels
    /// as the rows. Bytes between the passes make the two orders differ by several levels.
    func takesColumnsFirst(width newWidth: Int, height newHeight: Int) -> Bool {
        newHeight < height && height - newHeight > 2 * (width - newWidth)
    }
}
