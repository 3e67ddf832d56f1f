import CKernels

/// Element-wise loops, shared among the threads when they are long.
enum Elementwise {
    /// Elements a thread takes at a time: 64 KB, a good part of an L2 cache when an operation touches three
    /// arrays.
    static let block = 16384

    /// Calls `body(start, length)` over 0..<count.
    @inline(__always)
    static func ranges(_ count: Int, kind: OperationTimes.Kind = .elementwise, _ body: (Int, Int) -> Void) {
        OperationTimes.measure(kind) {
            if count <= block {
                body(0, count)
            } else {
                Compute.blocks(count, of: block) { _, range in body(range.lowerBound, range.count) }
            }
        }
    }

    /// `body(firstRow, rows)` over rows of `width` elements.
    @inline(__always)
    static func rows(
        _ count: Int, width: Int, kind: OperationTimes.Kind = .elementwise, _ body: (Int, Int) -> Void
    ) {
        let rowsPerBlock = max(1, block / max(width, 1))
        OperationTimes.measure(kind) {
            if count <= rowsPerBlock {
                body(0, count)
            } else {
                Compute.blocks(count, of: rowsPerBlock) { _, range in body(range.lowerBound, range.count) }
            }
        }
    }

    /// `body(sample, firstRow, rows)` over the rows of every sample, where each sample has an argument of its
    /// own: all samples share the threads, since one alone is often too small for two.
    @inline(__always)
    static func samples(
        _ samples: Int, rows: Int, width: Int, kind: OperationTimes.Kind = .elementwise,
        _ body: (Int, Int, Int) -> Void
    ) {
        let parts = SampleParts(rows: rows, most: max(1, block / max(width, 1)))
        OperationTimes.measure(kind) {
            if samples * rows * width <= block {
                for sample in 0..<samples { body(sample, 0, rows) }
            } else {
                Compute.parallel(samples * parts.count) {
                    let range = parts.range($0)
                    body($0 / parts.count, range.lowerBound, range.count)
                }
            }
        }
    }

    /// Sums over the rows of every sample, `[samples, sums]`: `body(sample, firstRow, rows, partial)` adds
    /// its rows' part to `partial`; parts are added in order.
    static func sampleSums(
        _ samples: Int, rows: Int, width: Int, sums: Int, kind: OperationTimes.Kind = .elementwise,
        _ body: (Int, Int, Int, UnsafeMutablePointer<Float>) -> Void
    ) -> Tensor {
        let parts = SampleParts(rows: rows, most: max(1, 4 * block / max(width, 1)))
        return OperationTimes.measure(kind) {
            let partial = Tensor.zeros([samples, parts.count, sums])
            let base = partial.pointer
            Compute.parallel(samples * parts.count) {
                let range = parts.range($0)
                body($0 / parts.count, range.lowerBound, range.count, base + $0 * sums)
            }
            guard parts.count > 1 else { return partial.reshaped([samples, sums]) }
            let result = Tensor.zeros([samples, sums])
            for sample in 0..<samples {
                ck_column_sums(
                    parts.count, sums, base + sample * parts.count * sums, result.pointer + sample * sums)
            }
            return result
        }
    }

    /// The rows of a sample in parts of about the same height: a rest of a few rows would be a part of its
    /// own.
    private struct SampleParts {
        let rows, count: Int

        init(rows: Int, most: Int) {
            self.rows = rows
            count = max(1, (rows + most - 1) / most)
        }

        func range(_ part: Int) -> Range<Int> {
            let place = part % count
            return rows * place / count..<rows * (place + 1) / count
        }
    }

    static func accumulate(_ x: Tensor, into y: Tensor, scale: Float = 1) {
        let (source, target) = (x.pointer, y.pointer)
        ranges(x.count) { ck_accumulate($1, scale, source + $0, target + $0) }
    }

    /// Σ over blocks of `body(start, length)`, in order of the blocks.
    static func sum(_ count: Int, _ body: (Int, Int) -> Double) -> Double {
        let parts = (count + block - 1) / block
        guard parts > 1 else { return count == 0 ? 0 : body(0, count) }
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: parts) { partial in
            let sums = partial.baseAddress!
            Compute.blocks(count, of: block) { index, range in sums[index] = body(range.lowerBound, range.count) }
            return partial.reduce(0, +)
        }
    }

    /// Column sums over rows of `width`: `body(firstRow, rows, partial)` adds its rows' part to `partial`;
    /// parts are added in order.
    static func columns(_ count: Int, width: Int, _ body: (Int, Int, UnsafeMutablePointer<Float>) -> Void) -> Tensor {
        OperationTimes.measure(.elementwise) { columns(count, rowWidth: width, sums: width, body) }
    }

    private static func columns(
        _ count: Int, rowWidth: Int, sums width: Int, _ body: (Int, Int, UnsafeMutablePointer<Float>) -> Void
    ) -> Tensor {
        let result = Tensor.zeros([width])
        let rowsPerBlock = max(1, 4 * block / max(rowWidth, 1))
        let parts = (count + rowsPerBlock - 1) / rowsPerBlock
        guard parts > 1 else {
            body(0, count, result.pointer)
            return result
        }
        let partial = Tensor.zeros([parts, width])
        let base = partial.pointer
        Compute.blocks(count, of: rowsPerBlock) { index, range in
            body(range.lowerBound, range.count, base + index * width)
        }
        ck_column_sums(parts, width, base, result.pointer)
        return result
    }

    /// Two column sums at once; see `columns`.
    static func columnPairs(
        _ count: Int, width: Int, kind: OperationTimes.Kind,
        _ body: (Int, Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) -> (Tensor, Tensor) {
        let both = OperationTimes.measure(kind) {
            columns(count, rowWidth: width, sums: 2 * width) { body($0, $1, $2, $2 + width) }
        }
        let second = Tensor(uninitialized: [width])
        second.pointer.update(from: both.pointer + width, count: width)
        return (slice(both, channels: 0..<width), second)
    }
}
