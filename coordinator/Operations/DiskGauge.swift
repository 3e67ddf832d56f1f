package import Ports
import SweepWire
import Synchronization

/// How full the coordinator's disk is, with marks to go up and lower ones to come down, so that nothing
/// flutters.
///
/// - `low`, under 10 % or 2 GiB free, whichever is less: garbage is collected at once, and people are told.
/// - `full`, under 3 % or 512 MiB: no new blobs, no jobs handed out. Small writes (results, metrics) go on in
///   what is left.
package final class DiskGauge: Sendable {
    package enum Level: Int, Sendable, Comparable {
        case enough, low, full
        package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    private let folder: String
    private let space: @Sendable (String) throws -> DiskSpace
    private let state = Mutex<(level: Level, free: Int64)>((.enough, .max))

    package init(folder: String, space: @escaping @Sendable (String) throws -> DiskSpace) {
        self.folder = folder
        self.space = space
    }

    package var level: Level { state.withLock { $0.level } }

    /// What people are told; nil while there is enough.
    package var notice: String? {
        let (level, free) = state.withLock { $0 }
        let what = "\(folder): the coordinator's disk has \(free >> 20) MiB free"
        switch level {
        case .enough: return nil
        case .low: return "\(what); free some space there"
        case .full:
            return "\(what); no jobs are handed out and no new blobs taken until there is more, free some space there"
        }
    }

    /// Looks at the disk.
    ///
    /// - Returns: the level before.
    @discardableResult
    package func look() throws -> Level {
        let now = try space(folder)
        let low = min(2 << 30, now.total / 10)
        let full = min(512 << 20, now.total / 100 * 3)
        return state.withLock { state in
            let before = state.level
            // Down again only with a quarter more than what led up.
            let (upLow, upFull) = (before >= .low ? low / 4 * 5 : low, before == .full ? full / 4 * 5 : full)
            state = (now.free < upFull ? .full : now.free < upLow ? .low : .enough, now.free)
            return before
        }
    }

    /// - Throws: `WireError` `diskFull` for a new blob that does not fit above the mark. Tiny ones always do:
    ///   a report hangs on them.
    func check(_ bytes: Int) throws {
        guard bytes >= 1 << 20 || level == .full else { return }
        let now = try space(folder)
        let full = min(512 << 20, now.total / 100 * 3)
        let isTiny = bytes < 1 << 20
        guard level == .full ? isTiny && now.free > Int64(bytes) << 2 : now.free - Int64(bytes) > full else {
            throw WireError(
                .diskFull,
                "\(folder): the coordinator's disk has \(now.free >> 20) MiB free, too little for \(bytes >> 20) MiB; "
                    + "free some space there", retryAfter: 5)
        }
    }
}
