import Glibc
import Ports
import RunSpec

/// Whether anybody is still writing: a process holds the file, or one below the folder, open for writing, or
/// has it mapped into its memory to be written.
package enum OpenFiles {
    package static func isBeingWritten(_ path: BytePath) -> Bool {
        guard let wanted = path.real else { return false }
        let own = getuid()
        for name in BytePath("/proc").names() {
            guard let pid = Int32(String(decoding: name, as: UTF8.self)) else { continue }
            // Of others nothing can be read, and a trainer is of the worker's own user.
            let process = BytePath("/proc/\(pid)")
            guard process.status()?.st_uid == own || own == 0 else { continue }
            if holds(process, wanted) || maps(process, wanted) { return true }
        }
        return false
    }

    private static func holds(_ process: BytePath, _ wanted: BytePath) -> Bool {
        let folder = process.appending(Array("fd".utf8))
        for descriptor in folder.names() {
            guard let target = link(folder.appending(descriptor)), target == wanted || target.isBelow(wanted) else {
                continue
            }
            let information = process.appending(Array("fdinfo".utf8)).appending(descriptor)
            if mayWrite(OutOfMemoryWatch.text(information.description) ?? "") { return true }
        }
        return false
    }

    /// From the octal `flags` of fdinfo: the lowest two bits say how it was opened.
    static func mayWrite(_ information: String) -> Bool {
        for line in information.split(separator: "\n") where line.hasPrefix("flags:") {
            guard let flags = Int32(line.dropFirst(6).drop { $0 == "\t" || $0 == " " }, radix: 8) else { return true }
            return flags & O_ACCMODE != O_RDONLY
        }
        return false
    }

    /// Shared and writable maps end with the file's path: `… rw-s … /path`.
    private static func maps(_ process: BytePath, _ wanted: BytePath) -> Bool {
        guard let text = OutOfMemoryWatch.text(process.description + "/maps", limit: 4 << 20) else { return false }
        return text.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count == 6, fields[1].contains("w"), fields[1].hasSuffix("s") else { return false }
            let mapped = BytePath(Array(fields[5].utf8))
            return mapped == wanted || mapped.isBelow(wanted)
        }
    }

    private static func link(_ path: BytePath) -> BytePath? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = path.withCString { path in
            buffer.withUnsafeMutableBytes { bytes -> Int in
                guard let start = bytes.baseAddress else { return 0 }
                return readlink(path, start.assumingMemoryBound(to: CChar.self), bytes.count)
            }
        }
        return count > 0 ? BytePath(Array(buffer[..<count])) : nil
    }
}
