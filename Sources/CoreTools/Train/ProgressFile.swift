import Foundation
import RunSpec

/// Says in the attempt folder what the attempt does now, for who watches: seldom enough to cost nothing.
final class ProgressFile {
    private let path: String
    private let clock: () -> Double
    private var last: (phase: String, at: Double)?
    private static let pace = 0.5

    init(_ folder: AttemptFolder, clock: @escaping () -> Double) {
        path = folder.progress
        self.clock = clock
    }

    /// - Parameter unit: of both numbers: `steps`, `images`.
    func tell(_ phase: String, _ done: Int, of total: Int, _ unit: String) {
        let now = clock()
        if let last, last.phase == phase, done < total, now - last.at < Self.pace { return }
        last = (phase, now)
        let record = ProgressRecord(phase: phase, extent: ProgressExtent(done: done, total: total, unit: unit))
        // A full disk takes the comfort, not the run.
        try? JSONEncoder().encode(record).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
