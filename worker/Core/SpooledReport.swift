import RunSpec
package import SweepModel
import SweepWire

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

    /// The number of the metric point that the coordinator must hold before it takes this report; nil for
    /// any.
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
        if case .checkpoint(let checkpoint) = body {
            return !checkpoint.manifest.isDeliverable && checkpoint.manifest.isResumable
        }
        return false
    }

    /// Tells of what was refused, and of nothing else.
    var isNoticeOnly: Bool {
        if case .log(let report) = body { return report.text.isEmpty && report.notices != nil }
        return false
    }

    var isCheckpoint: Bool { if case .checkpoint = body { true } else { false } }

    /// About how long it is as JSON, so that an exchange stays below the limit of a body.
    var estimatedBytes: Int {
        func texts(_ all: [String]) -> Int { all.reduce(0) { $0 + $1.utf8.count } }
        return 512
            + {
                switch body {
                case .checkpoint(let report): report.manifest.files.reduce(0) { $0 + $1.name.utf8.count + 160 }
                case .evaluations(let report):
                    report.rows.reduce(texts(report.completed)) { $0 + $1.estimatedBytes }
                case .artifacts(let report):
                    report.rows.reduce(0) { $0 + texts([$1.checkpoint, $1.kind, $1.name]) + 160 }
                case .log(let report):
                    // Quotes and backslashes take two.
                    2 * texts([report.text, report.line ?? ""] + (report.notices ?? []).map(\.detail))
                case .failed(let report): 2 * texts([report.message])
                case .finished, .released: 0
                }
            }()
    }
}
