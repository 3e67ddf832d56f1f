/// How far two measures go together.
package enum Correlation {
    /// Pearson's coefficient; nil for fewer than two pairs, or where one of them does not vary.
    package static func pearson(_ x: [Double], _ y: [Double]) -> Double? {
        precondition(x.count == y.count, "\(x.count) values against \(y.count)")
        guard x.count > 1 else { return nil }
        let count = Double(x.count)
        let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
        var (xx, yy, xy) = (0.0, 0.0, 0.0)
        for (a, b) in zip(x, y) {
            xx += (a - meanX) * (a - meanX)
            yy += (b - meanY) * (b - meanY)
            xy += (a - meanX) * (b - meanY)
        }
        let scale = (xx * yy).squareRoot()
        return scale > 0 && scale.isFinite ? xy / scale : nil
    }

    /// Spearman's: Pearson's of the ranks.
    package static func spearman(_ x: [Double], _ y: [Double]) -> Double? { pearson(ranks(x), ranks(y)) }

    /// Ranks from 1, the lowest value first; ties share their average.
    package static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
            for place in start...end { ranks[order[place]] = Double(start + end) / 2 + 1 }
            start = end + 1
        }
        return ranks
    }
}
