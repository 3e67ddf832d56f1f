package import CoreTensor
package import ImageFiles

extension RGBImage {
    /// Bytes 0…255 as -1…1.
    ///
    /// - Returns: `[1, height, width, 3]`.
    package func tensor() -> Tensor {
        Tensor(pixels.map { Float($0) / 127.5 - 1 }, [1, height, width, 3])
    }

    /// The inverse for one image of a batch `[N, height, width, 3]`; values outside -1…1 are clamped.
    package init(_ tensor: Tensor, batch index: Int = 0) {
        precondition(tensor.shape.count == 4 && tensor.shape[3] == 3, "pixels of shape \(tensor.shape)")
        let (height, width) = (tensor.shape[1], tensor.shape[2])
        let size = height * width * 3
        let bytes = tensor.withBuffer { values in
            values[index * size..<(index + 1) * size].map { value in
                // NaN compares false with everything and would trap in the conversion.
                value.isFinite ? UInt8(max(0, min(255, ((value + 1) * 127.5).rounded()))) : 0
            }
        }
        self.init(width: width, height: height, pixels: bytes)
    }
}

/// Square images of one size as `[N, side, side, 3]` in -1…1.
package func pixelBatch(_ images: [RGBImage]) -> Tensor {
    precondition(!images.isEmpty, "a batch without images")
    let (width, height) = (images[0].width, images[0].height)
    precondition(images.allSatisfy { $0.width == width && $0.height == height }, "a batch of different sizes")
    return Tensor(images.flatMap { $0.pixels.map { Float($0) / 127.5 - 1 } }, [images.count, height, width, 3])
}
