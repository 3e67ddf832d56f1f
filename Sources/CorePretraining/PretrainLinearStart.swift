import CoreDiffusion
import CoreNets
import CoreTensor

/// Weights from which an autoencoder starts as a linear one: three latent channels hold the averaged red,
/// green and blue, and the decoder enlarges them. Everything else is random as usual, so training adds detail
/// instead of finding colour first.
///
/// The path stays linear through the last norm and SiLU: a group that holds `c, −c` and a large constant is
/// scaled by nearly that constant alone, and `silu(x) − silu(−x) = x` exactly.
struct PretrainLinearStart {
    let vae: AutoencoderKL
    /// Half of a latent's range for pixels in [-1, 1].
    private let latentScale: Float = 2
    private let constant: Float = 6

    init(_ vae: AutoencoderKL) { self.vae = vae }

    func apply() {
        encoder()
        decoder()
    }

    // MARK: Encoder

    private func encoder() {
        let levels = vae.configuration.blockOutChannels.count
        identity("encoder.conv_in", kernel: [[0, 0, 0], [0, 1, 0], [0, 0, 0]])
        // Two by two pixels averaged; the third row and column of the kernel see the next ones.
        let average: [[Float]] = [[0.25, 0.25, 0], [0.25, 0.25, 0], [0, 0, 0]]
        for level in 0..<levels {
            let block = "encoder.down_blocks.\(level)"
            let isLast = level == levels - 1
            quieten("\(block).resnets", rows: isLast ? opponentRows(in: width(last: true)) : [0, 1, 2])
            if isLast {
                opponents("\(block).resnets.0.conv_shortcut", width: width(last: true))
            } else {
                identity("\(block).resnets.0.conv_shortcut", kernel: [[1]])
                identity("\(block).downsamplers.0.conv", kernel: average)
            }
        }
        quietenMiddle("encoder.mid_block", rows: opponentRows(in: width(last: true)))
        readOpponents(
            norm: "encoder.conv_norm_out", convolution: "encoder.conv_out", width: width(last: true), gain: latentScale)
        edit("quant_conv") { weight, bias, shape in
            for row in 0..<shape[0] {
                for column in 0..<shape[3] {
                    weight[row * shape[3] + column] = row == column && row < shape[0] / 2 ? 1 : 0
                }
                // Narrow posteriors: with deviations of 1 the noise drowns what the decoder could learn from.
                bias[row] = row < shape[0] / 2 ? 0 : -5
            }
        }
    }

    // MARK: Decoder

    private func decoder() {
        let levels = vae.configuration.blockOutChannels.count
        edit("post_quant_conv") { weight, bias, shape in
            for row in 0..<shape[0] {
                for column in 0..<shape[3] { weight[row * shape[3] + column] = row == column ? 1 : 0 }
                bias[row] = 0
            }
        }
        identity("decoder.conv_in", kernel: [[0, 0, 0], [0, 1 / latentScale, 0], [0, 0, 0]])
        quietenMiddle("decoder.mid_block", rows: [0, 1, 2])
        // Nearest enlargement, smoothed.
        let smooth: [[Float]] = [[1, 2, 1], [2, 4, 2], [1, 2, 1]].map { $0.map { $0 / 16 } }
        for level in 0..<levels {
            let block = "decoder.up_blocks.\(level)"
            let isLast = level == levels - 1
            quieten("\(block).resnets", rows: isLast ? opponentRows(in: width(last: false)) : [0, 1, 2])
            if isLast {
                opponents("\(block).resnets.0.conv_shortcut", width: width(last: false))
            } else {
                identity("\(block).resnets.0.conv_shortcut", kernel: [[1]])
                identity("\(block).upsamplers.0.conv", kernel: smooth)
            }
        }
        readOpponents(
            norm: "decoder.conv_norm_out", convolution: "decoder.conv_out", width: width(last: false), gain: 1)
    }

    // MARK: Parts

    private func width(last: Bool) -> Int {
        let widths = vae.configuration.blockOutChannels
        return last ? widths[widths.count - 1] : widths[0]
    }

    private func groupWidth(_ width: Int) -> Int { width / vae.configuration.normGroups }

    /// Constants of a group behind `c, −c`: `K, −K` where there is room, else `K`.
    private func constants(_ width: Int) -> [Float] {
        groupWidth(width) >= 4 ? [constant, -constant] : [constant]
    }

    private func opponentRows(in width: Int) -> [Int] {
        (0..<3).flatMap { colour in (0..<2 + constants(width).count).map { colour * groupWidth(width) + $0 } }
    }

    /// A 1×1 convolution whose rows hold each colour, its negative and the constants, group by group.
    private func opponents(_ path: String, width: Int) {
        let group = groupWidth(width)
        let levels = constants(width)
        edit(path) { weight, bias, shape in
            let inputs = shape[3]
            for colour in 0..<3 {
                for place in 0..<group {
                    let row = colour * group + place
                    for column in 0..<inputs { weight[row * inputs + column] = 0 }
                    bias[row] = place >= 2 && place - 2 < levels.count ? levels[place - 2] : 0
                    if place < 2 { weight[row * inputs + colour] = place == 0 ? 1 : -1 }
                }
            }
        }
    }

    /// Undoes ``opponents(_:width:)`` behind norm and SiLU: row `colour` is `gain` times that colour.
    private func readOpponents(norm: String, convolution: String, width: Int, gain: Float) {
        let group = groupWidth(width)
        let levels = constants(width)
        let mean = levels.reduce(0, +) / Float(group)
        // Of a colour of middling strength: c² = 1/3 in each of the two.
        let square = (levels.reduce(0) { $0 + $1 * $1 } + 2 / 3) / Float(group)
        let deviation = (square - mean * mean).squareRoot()
        if let layer = vae.module(at: norm) as? GroupNorm {
            layer.bias.tensor.withMutableBuffer { bias in
                for colour in 0..<3 {
                    for place in 0..<2 { bias[colour * group + place] = mean / deviation }
                }
            }
        }
        edit(convolution) { weight, bias, shape in
            let (height, breadth, inputs) = (shape[1], shape[2], shape[3])
            let centre = (height / 2) * breadth + breadth / 2
            for colour in 0..<3 {
                for index in 0..<height * breadth * inputs { weight[colour * height * breadth * inputs + index] *= 0.1 }
                for tap in 0..<height * breadth {
                    let start = (colour * height * breadth + tap) * inputs
                    for column in 0..<3 * group { weight[start + column] = 0 }
                }
                let start = (colour * height * breadth + centre) * inputs + colour * group
                weight[start] = gain * deviation
                weight[start + 1] = -gain * deviation
                bias[colour] = 0
            }
        }
    }

    /// Rows 0 to 2 pass inputs 0 to 2 through this kernel and see nothing else. No such layer: nothing to do.
    private func identity(_ path: String, kernel: [[Float]]) {
        edit(path) { weight, bias, shape in
            let (height, breadth, inputs) = (shape[1], shape[2], shape[3])
            for row in 0..<3 {
                bias[row] = 0
                for y in 0..<height {
                    for x in 0..<breadth {
                        let start = ((row * height + y) * breadth + x) * inputs
                        for column in 0..<inputs { weight[start + column] = column == row ? kernel[y][x] : 0 }
                    }
                }
            }
        }
    }

    /// Blocks add nothing to these channels at first.
    private func quieten(_ resnets: String, rows: [Int]) {
        for index in 0...vae.configuration.layersPerBlock { silence("\(resnets).\(index).conv2", rows: rows) }
    }

    private func quietenMiddle(_ path: String, rows: [Int]) {
        for index in 0...1 { silence("\(path).resnets.\(index).conv2", rows: rows) }
        guard let out = vae.module(at: "\(path).attentions.0.to_out.0") as? Linear else { return }
        let inputs = out.weight.tensor.shape[1]
        out.weight.tensor.withMutableBuffer { weight in
            for row in rows { for column in 0..<inputs { weight[row * inputs + column] = 0 } }
        }
        out.bias?.tensor.withMutableBuffer { bias in for row in rows { bias[row] = 0 } }
    }

    private func silence(_ path: String, rows: [Int]) {
        edit(path) { weight, bias, shape in
            let size = shape[1] * shape[2] * shape[3]
            for row in rows {
                bias[row] = 0
                for index in 0..<size { weight[row * size + index] = 0 }
            }
        }
    }

    /// - Parameter body: weights `[O, KH, KW, I]`, biases, and the weights' shape.
    private func edit(
        _ path: String, _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, [Int]) -> Void
    ) {
        guard let layer = vae.module(at: path) as? Conv2d, let bias = layer.bias else { return }
        withElements(layer.weight.tensor.writing, bias.tensor.writing) { weight, bias in
            body(weight, bias, layer.weight.tensor.shape)
        }
    }
}
