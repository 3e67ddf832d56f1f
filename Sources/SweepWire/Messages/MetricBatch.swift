package import RunSpec
package import SweepModel

/// A contiguous range of an attempt's metric stream.
///
/// Points are numbered from 1 in the order in which the worker spooled them. The batch holds the points
/// `first ..< first + count`, grouped by key (stable: points of one key keep their order). The coordinator
/// takes a batch whose `first` is at most the number it expects, and answers 409 `gap` with that number
/// otherwise; of a repeated (key, step) the last one wins.
package struct MetricBatch: Equatable, Sendable {
    package var token: AttemptToken
    /// Of the worker that holds the attempt: its secret, which no query shows. A request without it is
    /// refused.
    package var session: SessionID?
    /// Number of the first point.
    package var first: UInt64
    package var series: [MetricSeries]
    /// Points that came under names which cannot be taken (``MetricLimit``): they count, and nothing else of
    /// them is kept.
    package internal(set) var dropped: [AttemptNotice] = []

    package init(token: AttemptToken, session: SessionID? = nil, first: UInt64, series: [MetricSeries]) {
        self.token = token
        self.session = session
        self.first = first
        self.series = series
    }

    /// Groups points given in stream order.
    package init(token: AttemptToken, session: SessionID? = nil, first: UInt64, points: [MetricPoint]) {
        self.init(token: token, session: session, first: first, series: MetricSeries.grouped(points))
    }

    /// Number of points.
    package var count: Int { series.reduce(dropped.reduce(0) { $0 + $1.count }) { $0 + $1.steps.count } }
    /// Number of the first point after the batch.
    package var next: UInt64 { first + UInt64(count) }
}

/// The number the coordinator expects next; every point before it is durable, so the worker may drop it from
/// its spool.
package struct MetricAcknowledgement: Codable, Equatable, WireResponse {
    package var next: UInt64
    package init(next: UInt64) { self.next = next }
}
