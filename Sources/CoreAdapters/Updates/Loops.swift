import CoreTensor

/// Runs `body` for each row, in parallel parts when the rows hold enough elements.
func inRows(_ rows: Int, each columns: Int, _ body: (Int) -> Void) {
    let perPart = max(1, (1 << 15) / max(1, columns))
    guard rows > perPart else {
        for row in 0..<rows { body(row) }
        return
    }
    Compute.parallel((rows + perPart - 1) / perPart) { part in
        for row in part * perPart..<min(rows, (part + 1) * perPart) { body(row) }
    }
}

/// Runs `body` over fixed parts of `0..<count`, in parallel when that pays.
func inChunks(_ count: Int, _ body: (Range<Int>) -> Void) {
    let chunk = 1 << 15
    guard count > chunk else { return body(0..<count) }
    Compute.parallel((count + chunk - 1) / chunk) { part in
        body(part * chunk..<min(count, (part + 1) * chunk))
    }
}

/// Σ x·y in lanes, since a plain float sum is not vectorised.
@inline(__always)
func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = SIMD8<Float>()
    var i = 0
    while i + 8 <= count {
        lanes +=
            UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self)
            * UnsafeRawPointer(y + i).loadUnaligned(as: SIMD8<Float>.self)
        i += 8
    }
    var sum = lanes.sum()
    while i < count {
        sum += x[i] * y[i]
        i += 1
    }
    return sum
}

/// Σ x·y in f64, in lanes.
func dotInDouble(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) -> Double {
    var lanes = SIMD8<Double>()
    var i = 0
    while i + 8 <= count {
        let left = UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Float>.self)
        let right = UnsafeRawPointer(y + i).loadUnaligned(as: SIMD8<Float>.self)
        lanes += SIMD8<Double>(left) * SIMD8<Double>(right)
        i += 8
    }
    var sum = lanes.sum()
    while i < count {
        sum += Double(x[i]) * Double(y[i])
        i += 1
    }
    return sum
}
