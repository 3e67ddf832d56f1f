/// Weights of a one-dimensional resize; a picture takes one pass along rows and one along columns.
struct Resampler {
    private struct Taps {
        var first: Int
        var weights: [Float]
    }

    private let taps: [Taps]
    private let from: Int

    init(from: Int, to: Int, filter: RGBImage.ResizeFilter) {
        precondition(to > 0, "a resize to \(to) pixels")
        self.from = from
        let scale = Double(from) / Double(to)
        taps = (0..<to).map { index in
            switch filter {
            case .area: Self.area(index, scale: scale, from: from)
            case .bicubic: Self.bicubic(index, scale: scale, from: from)
            }
        }
    }

    /// `[rows, from, channels]` → `[rows, to, channels]`.
    func alongRows(_ values: [Float], rows: Int, channels: Int) -> [Float] {
        var out = [Float](repeating: 0, count: rows * taps.count * channels)
        for row in 0..<rows {
            for (column, tap) in taps.enumerated() {
                let to = (row * taps.count + column) * channels
                for (offset, weight) in tap.weights.enumerated() {
                    let at = (row * from + tap.first + offset) * channels
                    for channel in 0..<channels { out[to + channel] += weight * values[at + channel] }
                }
            }
        }
        return out
    }

    /// `[from, rowSize]` → `[to, rowSize]`.
    func alongColumns(_ values: [Float], rowSize: Int) -> [Float] {
        var out = [Float](repeating: 0, count: taps.count * rowSize)
        for (row, tap) in taps.enumerated() {
            for (offset, weight) in tap.weights.enumerated() {
                let at = (tap.first + offset) * rowSize
                for column in 0..<rowSize { out[row * rowSize + column] += weight * values[at + column] }
            }
        }
        return out
    }

    private static func area(_ index: Int, scale: Double, from: Int) -> Taps {
        let start = Double(index) * scale
        let end = max(start + 1e-9, Double(index + 1) * scale)
        let first = min(from - 1, Int(start))
        let last = min(from - 1, Int(end.rounded(.up)) - 1)
        let weights = (first...max(first, last)).map { pixel in
            Float(max(0, min(end, Double(pixel + 1)) - max(start, Double(pixel))) / (end - start))
        }
        return normalised(first: first, weights)
    }

    private static func bicubic(_ index: Int, scale: Double, from: Int) -> Taps {
        let stretch = max(1, scale)
        let centre = (Double(index) + 0.5) * scale
        let first = max(0, Int((centre - 2 * stretch + 0.5).rounded(.down)))
        let end = min(from, Int((centre + 2 * stretch + 0.5).rounded(.down)))
        return normalised(first: first, (first..<end).map { Float(cubic((Double($0) - centre + 0.5) / stretch)) })
    }

    /// Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -0.5.
    static func cubic(_ position: Double) -> Double {
        let x = abs(position)
        if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
        if x < 2 { return ((-0.5 * x + 2.5) * x - 4) * x + 2 }
        return 0
    }

    private static func normalised(first: Int, _ weights: [Float]) -> Taps {
        let sum = weights.reduce(0, +)
        return Taps(first: first, weights: weights.map { $0 / sum })
    }
}
