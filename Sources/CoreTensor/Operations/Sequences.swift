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
    return split(x, channels: Array(repeating: (x.shape.last ?? 0) / parts, count: parts))
}

/// Places of the sequences x `[B, T, C]`, the first `count` and the others.
package func split(_ x: Tensor, tokens count: Int) -> (first: Tensor, rest: Tensor) {
    precondition(x.shape.count == 3 && count >= 0 && count <= x.shape[1], "\(count) places of \(x.shape)")
    let (batch, places, width) = (x.shape[0], x.shape[1], x.shape[2])
    let parts = split(
        x.reshaped([batch, places * width]), channels: [count * width, (places - count) * width])
    return (parts[0].reshaped([batch, count, width]), parts[1].reshaped([batch, places - count, width]))
}
