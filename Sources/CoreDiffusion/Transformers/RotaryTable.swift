import CoreNets
package import CoreTensor
import Foundation

/// The angles by which queries and keys at each place are turned; one group of channels for each axis of the
/// places' coordinates.
package struct RotaryTable {
    /// `[T, head size / 2]`
    package let cosines, sines: Tensor

    /// - Parameters:
    ///   - ids: for each place its coordinates, one for each axis.
    ///   - axes: channels of a head that each axis turns.
    package init(ids: [[Float]], axes: [Int], theta: Double) {
        let frequencies = axes.map { width in
            (0..<width / 2).map { 1 / pow(theta, Double(2 * $0) / Double(width)) }
        }
        var (cosines, sines): ([Float], [Float]) = ([], [])
        for place in ids {
            for (axis, frequencies) in frequencies.enumerated() {
                for frequency in frequencies {
                    let angle = Double(place[axis]) * frequency
                    cosines.append(Float(cos(angle)))
                    sines.append(Float(sin(angle)))
                }
            }
        }
        let shape = [ids.count, axes.reduce(0, +) / 2]
        self.cosines = Tensor(cosines, shape)
        self.sines = Tensor(sines, shape)
    }

    private init(cosines: Tensor, sines: Tensor) { (self.cosines, self.sines) = (cosines, sines) }

    /// That of the last places.
    func last(_ count: Int) -> RotaryTable {
        let range = cosines.shape[0] - count..<cosines.shape[0]
        return RotaryTable(cosines: slice(cosines, batch: range), sines: slice(sines, batch: range))
    }

    func turn(_ x: Tensor, heads: Int) -> Tensor { rotated(x, heads: heads, cosines: cosines, sines: sines) }

    /// Streams of one sequence, every head first through its stream's norm.
    func turn(_ streams: [(x: Tensor, norm: RMSNorm)], heads: Int) -> Tensor {
        normalizedAndRotated(
            streams.map { ($0.x, $0.norm.weight.tensor) }, heads: heads, epsilon: streams[0].norm.epsilon,
            cosines: cosines, sines: sines)
    }
}
