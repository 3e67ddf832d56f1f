import Glibc
import Synchronization

/// Crash points and probes for tests: they can end the process, and nothing else. Without `RADIATA_FAULTS=1`
/// in the environment, read once at the first use, every call is one comparison and does nothing.
///
/// - `RADIATA_CRASH=POINT[:N]`: the process ends itself with SIGKILL when it reaches `POINT` for the N-th
///   time (default 1).
/// - `RADIATA_PROBES=FILE`: every point reached is appended to `FILE` as one line.
package enum Faults {
    private struct Settings: Sendable {
        let crashPoint: String
        let crashCount: Int
        let probes: String?
    }

    private static let settings: Settings? = {
        guard variable("RADIATA_FAULTS") == "1" else { return nil }
        let crash = (variable("RADIATA_CRASH") ?? "").split(separator: ":")
        return Settings(
            crashPoint: crash.first.map(String.init) ?? "", crashCount: crash.count > 1 ? Int(crash[1]) ?? 1 : 1,
            probes: variable("RADIATA_PROBES"))
    }()

    private static let reached = Mutex<[String: Int]>([:])
    /// The same for a simulation, by the address of the point's name.
    private static let simulatedCounts = Mutex<[UInt: (point: StaticString, count: Int)]>([:])

    /// Set by the simulator alone, which counts points run by run in one process.
    private static let isSimulated = Atomic(false)

    /// From now on points reached are counted, beginning anew, and end nothing.
    package static func countOnly() {
        simulatedCounts.withLock { $0 = [:] }
        isSimulated.store(true, ordering: .relaxed)
    }

    /// How often each point was reached since `countOnly`.
    package static var counts: [String: Int] {
        simulatedCounts.withLock { counts in
            Dictionary(counts.values.map { ($0.point.description, $0.count) }, uniquingKeysWith: +)
        }
    }

    /// Marks a place where a crash or a wait must do no harm.
    package static func reach(_ point: StaticString) {
        if isSimulated.load(ordering: .relaxed) {
            return simulatedCounts.withLock {
                $0[UInt(bitPattern: point.utf8Start), default: (point, 0)].count += 1
            }
        }
        guard let settings else { return }
        let name = point.description
        if let path = settings.probes {
            let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
            if descriptor >= 0 {
                let line = Array("\(name)\n".utf8)
                _ = write(descriptor, line, line.count)
                close(descriptor)
            }
        }
        let count = reached.withLock { counts in
            counts[name, default: 0] += 1
            return counts[name, default: 0]
        }
        if name == settings.crashPoint, count == settings.crashCount { kill(getpid(), SIGKILL) }
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
