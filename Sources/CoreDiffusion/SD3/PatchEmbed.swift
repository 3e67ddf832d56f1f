package import CoreNets
package import CoreTensor
import Foundation

/// Patches of the latents as tokens, plus a fixed table of sines and cosines of their places, cropped about
/// its middle.
package final class PatchEmbed: Module {
    let projection: Conv2d
    /// `[1, side², C]`; kept in files, never trained.
    let table: Parameter
    let side: Int
    let baseSide: Int

    package init(_ configuration: SD3Configuration) {
        side = configuration.placesSide
        baseSide = max(1, configuration.sampleSize / configuration.patchSize)
        projection = Conv2d(
            inputs: configuration.inChannels, outputs: configuration.width, kernel: configuration.patchSize,
            stride: configuration.patchSize, padding: Padding(0))
        table = Parameter(shape: [1, side * side, configuration.width])
    }

    package var className: String { "PatchEmbed" }
    package var children: [(name: String, module: any Module)] { [("proj", projection)] }
    package var parameters: [(name: String, parameter: Parameter)] { [("pos_embed", table)] }

    /// - Parameter latents: `[N, H, W, in]`.
    /// - Returns: `[N, patches, C]`.
    package func callAsFunction(_ latents: Tensor) -> Tensor {
        let patches = projection(latents)
        let (count, height, width, channels) = (
            patches.shape[0], patches.shape[1], patches.shape[2], patches.shape[3]
        )
        let places = crop(height: height, width: width)
        // One table for every sample: the samples side by side as channels of one row.
        let table = concatenateBatch(Array(repeating: places, count: count))
        return add(patches.reshaped([count, height * width, channels]), table)
    }

    /// - Returns: `[1, height · width, C]`.
    private func crop(height: Int, width: Int) -> Tensor {
        precondition(height <= side && width <= side, "\(height) × \(width) patches, the table has \(side) a side")
        let (top, left) = ((side - height) / 2, (side - width) / 2)
        let channels = table.tensor.shape[2]
        let indices = (0..<height).flatMap { row in (0..<width).map { (top + row) * side + left + $0 } }
        let flat = table.tensor.detached().reshaped([side * side, channels])
        return rows(flat, indices).reshaped([1, height * width, channels])
    }

    package func initializeOwnParameters(seed: UInt64, path: String) {
        let channels = table.tensor.shape[2]
        let quarter = channels / 4
        let frequencies = (0..<quarter).map { 1 / pow(10000, Double($0) / Double(quarter)) }
        // Places in units of the size that the model is trained on; in f32, as the reference counts them.
        let places = (0..<side).map { Float($0) / Float(Double(side) / Double(baseSide)) }
        table.tensor.withMutableBuffer { memory in
            for row in 0..<side {
                for column in 0..<side {
                    let start = (row * side + column) * channels
                    for (index, frequency) in frequencies.enumerated() {
                        let (across, down) = (Double(places[column]) * frequency, Double(places[row]) * frequency)
                        memory[start + index] = Float(sin(across))
                        memory[start + quarter + index] = Float(cos(across))
                        memory[start + 2 * quarter + index] = Float(sin(down))
                        memory[start + 3 * quarter + index] = Float(cos(down))
                    }
                }
            }
        }
    }
}
