import Ports
import Synchronization

/// How often the kernel killed for memory: in this process's control group where there is one with such a
/// count (version 2, else 1), else on the whole machine.
package enum OutOfMemoryWatch {
    /// nil where there is no such count.
    package static func kills(reading text: (String) -> String? = { Self.text($0) }) -> Int? {
        let groups = (text("/proc/self/cgroup") ?? "").split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }.filter { $0.count == 3 }
        var places: [(file: String, key: String)] = []
        if let group = groups.first(where: { $0[0] == "0" && $0[1].isEmpty }) {
            places.append(("/sys/fs/cgroup\(group[2])/memory.events", "oom_kill"))
            // Inside a container the path may be the host's, and the group's files lie at the top.
            places.append(("/sys/fs/cgroup/memory.events", "oom_kill"))
        }
        if let group = groups.first(where: { $0[1].split(separator: ",").contains("memory") }) {
            places.append(("/sys/fs/cgroup/memory\(group[2])/memory.oom_control", "oom_kill"))
            places.append(("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill"))
        }
        places.append(("/proc/vmstat", "oom_kill"))
        for place in places {
            let lines = (text(place.file) ?? "").split(separator: "\n").map { $0.split(separator: " ") }
            if let line = lines.first(where: { $0.count == 2 && $0[0] == place.key }), let count = Int(line[1]) {
                return count
            }
        }
        return nil
    }

    private static let last = Mutex<(at: MonotonicTime, count: Int?)?>(nil)

    /// As of the last second: every start of a trainer asks.
    static func recentKills(now: MonotonicTime) -> Int? {
        if let last = last.withLock({ $0 }), last.at <= now, now - last.at < .seconds(1) { return last.count }
        return killsNow(now: now)
    }

    static func killsNow(now: MonotonicTime) -> Int? {
        let count = kills()
        last.withLock { $0 = (now, count) }
        return count
    }

    /// Files of /proc and /sys have no size, so they are read by hand.
    package static func text(_ path: String, limit: Int = 1 << 16) -> String? {
        guard let file = try? OpenFile(reading: path), let bytes = try? file.read(limit, at: 0) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
