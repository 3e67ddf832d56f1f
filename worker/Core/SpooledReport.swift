import RunSpec
package import SweepWire

/// A report that is safe in the spool and waits to be sent.
package struct SpooledReport: Equatable, Sendable {
    /// Its number in the attempt's spool; reports are sent in this order.
    package var number: UInt64
    package var body: Report.Body
    /// Whether it names blobs that must be with the coordinator before it is sent.
    package var hasBlobs: Bool

    package init(number: UInt64, body: Report.Body, hasBlobs: Bool = false) {
        self.number = number
        self.body = body
        self.hasBlobs = hasBlobs
    }

    /// The number of the metric point that the coordinator must hold before it takes this report; nil for any.
    var streamPosition: UInt64? {
        switch body {
        case .checkpoint(let checkpoint): checkpoint.streamPosition
        case .finished(let finish): finish.streamPosition
        default: nil
        }
    }

    /// Whether the attempt is over with it.
    package var isFinal: Bool {
        switch body {
        case .finished, .failed, .released: true
        default: false
        }
    }

    var isFinished: Bool { if case .finished = body { true } else { false } }

    /// A training state and nothing else: useless as soon as a newer one waits to be sent.
    var isStateOnly: Bool {
        if case .checkpoint(let checkpoint) = body { return !checkpoint.manifest.isDeliverable }
        return false
    }
}
