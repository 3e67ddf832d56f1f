/// How far something is, for people: 36 of 64 images.
package struct ProgressExtent: Codable, Equatable, Sendable {
    package var done: Int
    package var total: Int
    /// `steps`, `images`, `bytes`; empty where nobody knows.
    package var unit: String

    package init(done: Int, total: Int, unit: String) {
        self.done = done
        self.total = total
        self.unit = unit
    }

    /// Whether it can be shown: counted upwards to an end.
    package var isMeaningful: Bool { total > 0 && done >= 0 && done <= total }
}

/// What a trainer does now, and how far it is: `progress.json` of its folder (``AttemptFolder/progress``),
/// put in place by rename. For people alone: nothing is decided by it, and it may be missing.
package struct ProgressRecord: Codable, Equatable, Sendable {
    /// One word: `training`, `drawing`.
    package var phase: String
    package var extent: ProgressExtent

    package init(phase: String, extent: ProgressExtent) {
        self.phase = phase
        self.extent = extent
    }
}
