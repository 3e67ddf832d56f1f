import Foundation
import Glibc

/// How long this process has been there.
enum ProcessAge {
    /// Seconds since it began, to a hundredth; 0 where the system does not tell.
    static var seconds: Double {
        guard let bytes = FileManager.default.contents(atPath: "/proc/self/stat") else { return 0 }
        // Behind the name, which may hold anything, comes field 3; the start is field 22, in ticks since the
        // system's (proc_pid_stat(5)).
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        var now = timespec()
        guard fields.count > 19, let start = Double(fields[19]), clock_gettime(CLOCK_BOOTTIME, &now) == 0 else {
            return 0
        }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        return max(0, Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - start / ticks)
    }
}
