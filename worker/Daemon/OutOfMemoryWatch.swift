import Ports

/// How often the kernel killed for memory in this process's control group (version 2).
enum OutOfMemoryWatch {
    /// nil where there is no such count.
    static func kills(files: any FileStore = DiskFiles()) -> Int? {
        // /proc and /sys files have no size, so they are read by hand.
        guard let group = text("/proc/self/cgroup")?.split(separator: "\n").first(where: { $0.hasPrefix("0::") }) else {
            return nil
        }
        let events = text("/sys/fs/cgroup\(group.dropFirst(3))/memory.events") ?? text("/sys/fs/cgroup/memory.events")
        let line = events?.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
        return line.flatMap { Int($0.dropFirst("oom_kill ".count)) }
    }

    private static func text(_ path: String) -> String? {
        guard let file = try? OpenFile(reading: path), let bytes = try? file.read(1 << 16, at: 0) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
