package import RunSpec
package import SweepModel
import SweepWire

extension EvaluationReport {
    /// Most rows and most bytes, about, of one report: several fit into a body.
    private static let mostRows = 200
    private static let mostBytes = WireLimit.control / 4

    /// The rows in their order, cut so that one report of each piece stays below the limits, whatever the
    /// number of images. A row with `MetricLimit.imageValues` values is a piece of its own.
    package static func pieces(of rows: [EvaluationRow]) -> [[EvaluationRow]] {
        var pieces: [[EvaluationRow]] = []
        var bytes = 0
        for row in rows {
            let more = row.estimatedBytes
            if let last = pieces.last, last.count < mostRows, bytes + more <= mostBytes {
                pieces[pieces.count - 1].append(row)
                bytes += more
            } else {
                pieces.append([row])
                bytes = more
            }
        }
        return pieces
    }
}

extension EvaluationRow {
    /// About how long it is as JSON: a double has up to 24 characters, and a comma.
    var estimatedBytes: Int {
        160 + [checkpoint, `class`, prompts, metric].reduce(25 * (values?.count ?? 0)) { $0 + $1.utf8.count }
    }
}
