import CKernels

extension Tensor {
    /// The same elements in another shape; shares storage.
    package func reshaped(_ shape: [Int]) -> Tensor {
        precondition(shape.product == count, "\(self.shape) as \(shape)")
        let y = Tensor(shape: shape, storage: storage)
        guard records(self) else { return y }
        let original = self.shape
        return y.recorded(by: Node(inputs: [self]) { g in [g.reshaped(original)] })
    }
}

/// a and b side by side: `[..., A]`, `[..., B]` → `[..., A + B]`.
package func concatenate(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.shape.dropLast() == b.shape.dropLast(), "concatenate \(a.shape) \(b.shape)")
    let (widthA, widthB) = (a.channels, b.channels)
    let y = Tensor(uninitialized: a.shape.dropLast() + [widthA + widthB])
    copyColumns(from: a, at: 0, into: y, at: 0, width: widthA)
    copyColumns(from: b, at: 0, into: y, at: widthA, width: widthB)
    guard records(a, b) else { return y }
    let needs = (a.requiresGradient, b.requiresGradient)
    return y.recorded(
        by: Node(inputs: [a, b]) { g in
            [
                needs.0 ? slice(g, channels: 0..<widthA) : nil,
                needs.1 ? slice(g, channels: widthA..<widthA + widthB) : nil,
            ]
        })
}

/// Tensors one after the other along the first axis.
package func concatenateBatch(_ parts: [Tensor]) -> Tensor {
    precondition(!parts.isEmpty, "concatenateBatch of nothing")
    let tail = Array(parts[0].shape.dropFirst())
    precondition(parts.allSatisfy { Array($0.shape.dropFirst()) == tail }, "concatenateBatch \(parts.map(\.shape))")
    let lengths = parts.map { $0.shape[0] }
    let y = Tensor(uninitialized: [lengths.reduce(0, +)] + tail)
    var start = 0
    for part in parts {
        (y.pointer + start).update(from: part.pointer, count: part.count)
        start += part.count
    }
    guard parts.contains(where: { records($0) }) else { return y }
    let needs = parts.map(\.requiresGradient)
    return y.recorded(
        by: Node(inputs: parts) { g in
            var start = 0
            return zip(lengths, needs).map { length, needed in
                defer { start += length }
                return needed ? slice(g, batch: start..<start + length) : nil
            }
        })
}

/// Channels `range` of the last axis.
package func slice(_ x: Tensor, channels range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= x.channels, "channels \(range) of \(x.shape)")
    let y = Tensor(uninitialized: x.shape.dropLast() + [range.count])
    copyColumns(from: x, at: range.lowerBound, into: y, at: 0, width: range.count)
    guard records(x) else { return y }
    let shape = x.shape
    return y.recorded(
        by: Node(inputs: [x]) { g in
            let dx = Tensor.zeros(shape)
            copyColumns(from: g, at: 0, into: dx, at: range.lowerBound, width: range.count)
            return [dx]
        })
}

/// Channels of the last axis in parts of those widths, which are all of it.
package func split(_ x: Tensor, channels widths: [Int]) -> [Tensor] {
    precondition(widths.reduce(0, +) == x.channels, "\(x.shape) in parts of \(widths)")
    let joined = JoinedGradient(x.shape, widths)
    // The parts' gradients meet in one buffer, which this node hands on.
    let whole = records(x) ? joined.collected(x) : x
    var start = 0
    return widths.enumerated().map { index, width in
        defer { start += width }
        let y = Tensor(uninitialized: x.shape.dropLast() + [width])
        copyColumns(from: x, at: start, into: y, at: 0, width: width)
        guard records(whole) else { return y }
        return y.recorded(by: Node(inputs: [whole]) { [start] g in [joined.add(g, index, at: start)] })
    }
}

/// dL/dx of a tensor that was cut into parts, of which each writes its own columns.
private final class JoinedGradient {
    private let shape, widths: [Int]
    private var sum: Tensor?
    private var written: Set<Int> = []

    init(_ shape: [Int], _ widths: [Int]) { (self.shape, self.widths) = (shape, widths) }

    /// x as an operation of its own, whose gradient is the buffer.
    func collected(_ x: Tensor) -> Tensor {
        x.detached().recorded(
            by: Node(inputs: [x]) { [self] g in
                var start = 0
                for (index, width) in widths.enumerated() {
                    if !written.contains(index) {
                        copyColumns(from: .zeros(shape.dropLast() + [width]), at: 0, into: g, at: start, width: width)
                    }
                    start += width
                }
                sum = nil
                return [g]
            })
    }

    /// - Returns: the buffer from the first part, nothing from those that find it.
    func add(_ g: Tensor, _ index: Int, at start: Int) -> Tensor? {
        written.insert(index)
        let buffer = sum ?? Tensor(uninitialized: shape)
        copyColumns(from: g, at: 0, into: buffer, at: start, width: g.channels)
        guard sum == nil else { return nil }
        sum = buffer
        return buffer
    }
}

/// Entries `range` of the first axis.
package func slice(_ x: Tensor, batch range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= x.shape[0], "entries \(range) of \(x.shape)")
    let size = x.count / max(1, x.shape[0])
    let y = Tensor(uninitialized: [range.count] + x.shape.dropFirst())
    y.pointer.update(from: x.pointer + range.lowerBound * size, count: y.count)
    guard records(x) else { return y }
    let shape = x.shape
    return y.recorded(
        by: Node(inputs: [x]) { g in
            let dx = Tensor.zeros(shape)
            (dx.pointer + range.lowerBound * size).update(from: g.pointer, count: g.count)
            return [dx]
        })
}

/// Rows of x `[R, C]` by index, in that order, repeats allowed → `[indices.count, C]`.
package func rows(_ x: Tensor, _ indices: [Int]) -> Tensor {
    precondition(x.shape.count == 2, "rows of \(x.shape)")
    let y = gather(x, indices)
    guard records(x) else { return y }
    let shape = x.shape
    return y.recorded(by: Node(inputs: [x]) { g in [scatter(g, indices, shape)] })
}

/// Row `ids[i]` of the table `[V, C]` for each i → `[ids.count, C]`.
package func embedding(_ ids: [Int32], table: Tensor) -> Tensor { rows(table, ids.map(Int.init)) }

/// Axis i of the result is axis `axes[i]` of x.
package func permuted(_ x: Tensor, _ axes: [Int]) -> Tensor {
    precondition(axes.sorted() == Array(x.shape.indices), "axes \(axes) of \(x.shape)")
    var strides = [Int](repeating: 1, count: x.shape.count)
    for axis in x.shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * x.shape[axis + 1] }
    let y = Tensor(uninitialized: axes.map { x.shape[$0] })
    OperationTimes.measure(.elementwise) {
        ck_permute(Int32(axes.count), y.shape, axes.map { strides[$0] }, x.pointer, y.pointer)
    }
    guard records(x) else { return y }
    var inverse = axes
    for (index, axis) in axes.enumerated() { inverse[axis] = index }
    return y.recorded(by: Node(inputs: [x]) { [inverse] g in [permuted(g, inverse)] })
}

/// Nearest-neighbour enlargement of x `[N, H, W, C]`: pixel (y, x) of the result is input pixel
/// (⌊y · H / height⌋, ⌊x · W / width⌋).
package func upsampleNearest(_ x: Tensor, height: Int, width: Int) -> Tensor {
    precondition(x.shape.count == 4, "upsampleNearest of \(x.shape)")
    let (samples, fromHeight, fromWidth, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let y = Tensor(uninitialized: [samples, height, width, channels])
    let (source, target) = (x.pointer, y.pointer)
    Compute.parallel(samples * height) { line in
        let (sample, row) = (line / height, line % height * fromHeight / height)
        for column in 0..<width {
            let from = ((sample * fromHeight + row) * fromWidth + column * fromWidth / width) * channels
            (target + (line * width + column) * channels).update(from: source + from, count: channels)
        }
    }
    guard records(x) else { return y }
    let shape = x.shape
    return y.recorded(
        by: Node(inputs: [x]) { g in
            let dx = Tensor.zeros(shape)
            let (slope, target) = (g.pointer, dx.pointer)
            Compute.parallel(samples) { sample in
                for row in 0..<height {
                    for column in 0..<width {
                        let from = ((sample * height + row) * width + column) * channels
                        let line = sample * fromHeight + row * fromHeight / height
                        let to = (line * fromWidth + column * fromWidth / width) * channels
                        ck_add(channels, target + to, slope + from, target + to)
                    }
                }
            }
            return [dx]
        })
}

private func copyColumns(from x: Tensor, at from: Int, into y: Tensor, at to: Int, width: Int) {
    let (source, target, widthX, widthY) = (x.pointer + from, y.pointer + to, x.channels, y.channels)
    Elementwise.rows(x.rowCount, width: width) { first, count in
        for row in first..<first + count {
            (target + row * widthY).update(from: source + row * widthX, count: width)
        }
    }
}

private func gather(_ x: Tensor, _ indices: [Int]) -> Tensor {
    let width = x.channels
    let y = Tensor(uninitialized: [indices.count, width])
    for (row, index) in indices.enumerated() {
        precondition(index >= 0 && index < x.shape[0], "row \(index) of \(x.shape)")
        (y.pointer + row * width).update(from: x.pointer + index * width, count: width)
    }
    return y
}

private func scatter(_ g: Tensor, _ indices: [Int], _ shape: [Int]) -> Tensor {
    let width = g.channels
    let dx = Tensor.zeros(shape)
    for (row, index) in indices.enumerated() {
        let target = dx.pointer + index * width
        ck_add(width, target, g.pointer + row * width, target)
    }
    return dx
}
