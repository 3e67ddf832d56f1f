import CoreTensor

/// The largest value under a square window, as `torch.nn.MaxPool2d` without padding; what does not fill a
/// window is left out. Without gradient.
enum MaxPool {
    /// - Parameter x: `[N, H, W, C]`.
    /// - Returns: `[N, (H − side) / stride + 1, (W − side) / stride + 1, C]`.
    static func pooled(_ x: Tensor, side: Int, stride: Int) -> Tensor {
        let (samples, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
        precondition(height >= side && width >= side, "a pool of \(side) over \(x.shape)")
        let (outHeight, outWidth) = ((height - side) / stride + 1, (width - side) / stride + 1)
        let out = Tensor(uninitialized: [samples, outHeight, outWidth, channels])
        withElements(x.reading, out.writing) { source, target in
            for sample in 0..<samples {
                for row in 0..<outHeight {
                    for column in 0..<outWidth {
                        let to = target + ((sample * outHeight + row) * outWidth + column) * channels
                        for channel in 0..<channels { to[channel] = -.infinity }
                        for dy in 0..<side {
                            let line = (sample * height + row * stride + dy) * width + column * stride
                            for dx in 0..<side {
                                let from = source + (line + dx) * channels
                                for channel in 0..<channels { to[channel] = max(to[channel], from[channel]) }
                            }
                        }
                    }
                }
            }
        }
        return out
    }
}
