package import CoreNets
package import CoreTensor

/// Two normalised 3×3 convolutions beside a shortcut; between them the time embedding is added.
package final class ResnetBlock2D: Module {
    let norm1: GroupNorm
    let conv1: Conv2d
    /// Absent in the autoencoder.
    let timeProjection: Linear?
    let norm2: GroupNorm
    let conv2: Conv2d
    /// Present exactly when the width changes.
    let shortcut: Conv2d?

    package init(inputs: Int, outputs: Int, timeWidth: Int?, groups: Int, epsilon: Float) {
        norm1 = GroupNorm(groups: groups, channels: inputs, epsilon: epsilon)
        conv1 = Conv2d(inputs: inputs, outputs: outputs, kernel: 3, padding: Padding(1))
        timeProjection = timeWidth.map { Linear(inputs: $0, outputs: outputs) }
        norm2 = GroupNorm(groups: groups, channels: outputs, epsilon: epsilon)
        conv2 = Conv2d(inputs: outputs, outputs: outputs, kernel: 3, padding: Padding(1))
        shortcut = inputs == outputs ? nil : Conv2d(inputs: inputs, outputs: outputs, kernel: 1, padding: Padding(0))
    }

    package var className: String { "ResnetBlock2D" }
    package var children: [(name: String, module: any Module)] {
        var all: [(name: String, module: any Module)] = [("norm1", norm1), ("conv1", conv1)]
        if let timeProjection { all.append(("time_emb_proj", timeProjection)) }
        all += [("norm2", norm2), ("conv2", conv2)]
        if let shortcut { all.append(("conv_shortcut", shortcut)) }
        return all
    }

    /// - Parameters:
    ///   - x: `[N, H, W, in]`. Consumed: of a large picture it takes hundreds of megabytes, which the second
    ///     half of the block needs no more.
    ///   - time: silu of the time embedding, `[N, T]`: the same for all blocks, so the caller computes it
    ///     once.
    /// - Returns: `[N, H, W, out]`.
    package func callAsFunction(_ x: consuming Tensor, time: Tensor? = nil) -> Tensor {
        let residual: Tensor
        if let shortcut { residual = shortcut(x) } else { residual = x }
        var h = norm1(consume x, activation: .silu)
        h = conv1(h)
        if let timeProjection, let time { h = addChannels(h, timeProjection(time)) }
        h = norm2(h, activation: .silu)
        return conv2(h, adding: residual)
    }
}
