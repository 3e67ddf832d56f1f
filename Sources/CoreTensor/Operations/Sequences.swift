/// Sequences one after the other: `[B, S, C]`, `[B, T, C]` → `[B, S + T, C]`.
package func concatenateTokens(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(
        a.shape.count == 3 && b.shape.count == 3 && a.shape[0] == b.shape[0] && a.shape[2] == b.shape[2],
        "concatenateTokens \(a.shape) \(b.shape)")
    let (batch, width) = (a.shape[0], a.shape[2])
    return concatenate(a.reshaped([batch, a.shape[1] * width]), b.reshaped([batch, b.shape[1] * width]))
        .reshaped([batch, a.shape[1] + b.shape[1], width])
}

/// Places `range` of the sequences x `[B, T, C]`.
package func slice(_ x: Tensor, tokens range: Range<Int>) -> Tensor {
    precondition(
        x.shape.count == 3 && range.lowerBound >= 0 && range.upperBound <= x.shape[1], "places \(range) of \(x.shape)")
    let (batch, width) = (x.shape[0], x.shape[2])
    return slice(
        x.reshaped([batch, x.shape[1] * width]), channels: range.lowerBound * width..<range.upperBound * width
    ).reshaped([batch, range.count, width])
}

/// Channels of the last axis in equal parts.
package func split(_ x: Tensor, into parts: Int) -> [Tensor] {
    precondition((x.shape.last ?? 0) % parts == 0, "\(x.shape) in \(parts) parts")
    let width = (x.shape.last ?? 0) / parts
    return (0..<parts).map { slice(x, channels: $0 * width..<($0 + 1) * width) }
}
