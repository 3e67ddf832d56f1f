extension RGBImage {
    /// How pixels are made from others. Both work on gamma-encoded values.
    package enum ResizeFilter: Sendable {
        /// The mean of the covered pixels; enlarging repeats pixels.
        case area
        /// Catmull-Rom with a = -0.5, support widened when shrinking, as Pillow's BICUBIC.
        case bicubic
    }

    package func resized(width newWidth: Int, height newHeight: Int, filter: ResizeFilter = .bicubic) -> RGBImage {
        guard newWidth != width || newHeight != height else { return self }
        // Elsewhere floating point stays as it was, a level beside Pillow in a few pixels: results would
        // change with it.
        if filter == .bicubic, takesColumnsFirst(width: newWidth, height: newHeight) {
            return resizedAsPillow(width: newWidth, height: newHeight)
        }
        let floats = pixels.map(Float.init)
        // Bytes between the passes, as in Pillow: what overshoots along rows is cut before columns are mixed.
        let wide = Resampler(from: width, to: newWidth, filter: filter)
            .alongRows(floats, rows: height, channels: 3)  // [height, newWidth, 3]
            .map { max(0, min(255, $0.rounded())) }
        let out = Resampler(from: height, to: newHeight, filter: filter)
            .alongColumns(wide, rowSize: newWidth * 3)  // [newHeight, newWidth, 3]
        return RGBImage(
            width: newWidth, height: newHeight, pixels: out.map { UInt8(max(0, min(255, $0.rounded()))) })
    }

    /// The largest centred part with the aspect of `side` × `side`, resized to it.
    package func squareCropped(side: Int, filter: ResizeFilter = .bicubic) -> RGBImage {
        let short = min(width, height)
        return cropped(x: (width - short) / 2, y: (height - short) / 2, width: short, height: short)
            .resized(width: side, height: side, filter: filter)
    }

    package func cropped(x: Int, y: Int, width newWidth: Int, height newHeight: Int) -> RGBImage {
        precondition(x >= 0 && y >= 0 && x + newWidth <= width && y + newHeight <= height, "crop outside the image")
        guard newWidth != width || newHeight != height else { return self }
        var out: [UInt8] = []
        out.reserveCapacity(newWidth * newHeight * 3)
        for row in y..<y + newHeight {
            let from = (row * width + x) * 3
            out += pixels[from..<from + newWidth * 3]
        }
        return RGBImage(width: newWidth, height: newHeight, pixels: out)
    }
}

extension RGBAImage {
    /// Resized with premultiplied colour, so that invisible pixels do not bleed into the edges.
    package func resized(
        width newWidth: Int, height newHeight: Int, filter: RGBImage.ResizeFilter = .bicubic
    ) -> RGBAImage {
        guard newWidth != width || newHeight != height else { return self }
        var floats = pixels.map(Float.init)
        for pixel in 0..<width * height {
            for channel in 0..<3 { floats[4 * pixel + channel] *= floats[4 * pixel + 3] / 255 }
        }
        let wide = Resampler(from: width, to: newWidth, filter: filter).alongRows(floats, rows: height, channels: 4)
        var out = Resampler(from: height, to: newHeight, filter: filter).alongColumns(wide, rowSize: newWidth * 4)
        for pixel in 0..<newWidth * newHeight where out[4 * pixel + 3] > 0 {
            for channel in 0..<3 { out[4 * pixel + channel] *= 255 / out[4 * pixel + 3] }
        }
        return RGBAImage(
            width: newWidth, height: newHeight, pixels: out.map { UInt8(max(0, min(255, $0.rounded()))) })
    }
}
