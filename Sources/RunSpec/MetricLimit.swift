/// What a metric's name may be. Both ends keep to it: the worker before it spools a point, the coordinator
/// when one comes.
package enum MetricLimit {
    /// Longest name, in bytes.
    package static let nameBytes = 256
    /// Most different names: of an attempt where the worker counts, of a batch where the coordinator does.
    package static let names = 4096
    /// Most per-image values of an evaluation row.
    package static let imageValues = 10_000
    /// Stands for points that were lost or put aside between two others; the step is the point's number.
    package static let lostName = "spool.lost"

    /// Whether a point may have this name: not empty, and not too long.
    package static func accepts(_ name: String) -> Bool {
        (1...nameBytes).contains(name.utf8.count) && !name.utf8.contains(0)
    }
}
