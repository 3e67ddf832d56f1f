import CoreTensor

/// Bicubic resampling as torch's `interpolate(mode="bicubic", align_corners=False)`: a = −0.75, no smoothing
/// before shrinking, edges repeated.
enum BicubicResize {
    /// - Parameter x: `[N, H, W, C]`, without gradient.
    /// - Returns: `[N, height, width, C]`.
    static func resized(_ x: Tensor, height: Int, width: Int) -> Tensor {
        let (samples, channels) = (x.shape[0], x.shape[3])
        let rows = taps(from: x.shape[1], to: height)
        let columns = taps(from: x.shape[2], to: width)
        let out = Tensor(uninitialized: [samples, height, width, channels])
        let (fromHeight, fromWidth) = (x.shape[1], x.shape[2])
        withElements(x.reading, out.writing) { source, target in
            for sample in 0..<samples {
                for (y, row) in rows.enumerated() {
                    for (x, column) in columns.enumerated() {
                        let to = ((sample * height + y) * width + x) * channels
                        for channel in 0..<channels {
                            var sum: Float = 0
                            for i in 0..<4 {
                                let line = (sample * fromHeight + row.places[i]) * fromWidth
                                var part: Float = 0
                                for j in 0..<4 {
                                    part += column.weights[j] * source[(line + column.places[j]) * channels + channel]
                                }
                                sum += row.weights[i] * part
                            }
                            target[to + channel] = sum
                        }
                    }
                }
            }
        }
        return out
    }

    /// Where a result's four sources lie along one axis, and how much each counts.
    private static func taps(from: Int, to: Int) -> [(places: [Int], weights: [Float])] {
        let scale = Float(from) / Float(to)
        return (0..<to).map { index in
            let center = scale * (Float(index) + 0.5) - 0.5
            let first = center.rounded(.down)
            let t = center - first
            let places = (-1...2).map { min(max(Int(first) + $0, 0), from - 1) }
            return (places, [outer(t + 1), inner(t), inner(1 - t), outer(2 - t)])
        }
    }

    private static let a: Float = -0.75

    /// The kernel within a distance of 1.
    private static func inner(_ x: Float) -> Float { ((a + 2) * x - (a + 3)) * x * x + 1 }

    /// The kernel at distances from 1 to 2.
    private static func outer(_ x: Float) -> Float { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
}
