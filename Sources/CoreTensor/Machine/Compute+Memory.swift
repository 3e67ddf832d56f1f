import Foundation

extension Compute {
    /// The most memory that this process has had at one time, in MiB: the kernel's high-water mark; nil where
    /// it does not tell.
    package static var peakMegabytes: Double? {
        // Another kernel has no such file.
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return nil }
        return line.split(whereSeparator: { " \t".contains($0) }).compactMap { Double($0) }.first.map { $0 / 1024 }
    }
}
