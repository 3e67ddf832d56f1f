package import CoreNets
package import CoreTensor
import Foundation

/// linear, silu, linear: from sinusoid features to the embedding that every residual block reads.
package final class TimestepEmbedding: Module {
    let linear1: Linear
    let linear2: Linear

    package init(inputs: Int, width: Int, bias: Bool = true) {
        linear1 = Linear(inputs: inputs, outputs: width, bias: bias)
        linear2 = Linear(inputs: width, outputs: width, bias: bias)
    }

    package var className: String { "TimestepEmbedding" }
    package var children: [(name: String, module: any Module)] { [("linear_1", linear1), ("linear_2", linear2)] }

    /// - Parameter features: `[B, inputs]`.
    package func callAsFunction(_ features: Tensor) -> Tensor {
        linear2(silu(linear1(features)))
    }

    /// cos and sin of t·wᵢ with wᵢ = exp(−ln(10000) i / (half − shift)), computed in f32 as diffusers does.
    ///
    /// - Parameter flip: cosines first.
    /// - Returns: `[times.count, width]`.
    package static func features(_ times: [Float], width: Int, flip: Bool, shift: Double) -> Tensor {
        let frequencies = frequencies(width / 2, shift: shift)
        var values: [Float] = []
        values.reserveCapacity(times.count * width)
        for time in times {
            let cosines = frequencies.map { cos(time * $0) }
            let sines = frequencies.map { sin(time * $0) }
            values += flip ? cosines + sines : sines + cosines
            if width % 2 == 1 { values.append(0) }
        }
        return Tensor(values, [times.count, width])
    }

    /// Of the 128 frequencies of transformers, and of SDXL's sizes, those that torch's `exp` (2.15, MKL,
    /// AVX-512) rounds up although the number below is nearer. At times and guidances in the thousands the
    /// last bit of a frequency moves an angle by 1e-4, and a transformer's output by 1e-5. On other
    /// processors torch rounds others; a job must not depend on its processor, so it is these everywhere.
    private static let roundedUp: Set<Int> = [13, 44, 119]

    private static func frequencies(_ half: Int, shift: Double) -> [Float] {
        let roundedUp = half == 128 && shift == 0 ? Self.roundedUp : []
        return (0..<half).map { i in
            let frequency = exp(-Float(log(10_000.0)) * Float(i) / Float(Double(half) - shift))
            return roundedUp.contains(i) ? frequency.nextUp : frequency
        }
    }
}
