import Ports

/// How much space the work folder's disk must have, so that trainers are held before they fail on it.
package struct DiskWatch: Sendable {
    enum Level: Comparable, Sendable {
        /// Trainers are held: what they write next might not fit.
        case full
        /// No new jobs.
        case low
        case enough
    }

    let folder: String
    let files: any FileStore

    /// Level now; `full` below 64 MiB or 2 % of a small disk, `low` below four times that.
    func level() throws -> (level: Level, space: DiskSpace) {
        let space = try files.space(at: folder)
        let line = min(64 << 20, space.total / 50)
        return (space.free < line ? .full : space.free < 4 * line ? .low : .enough, space)
    }

    package static let pace: Duration = .seconds(1)
}
