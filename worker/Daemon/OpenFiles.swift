import Glibc
import Ports

/// Whether processes of a trainer hold a file open.
enum OpenFiles {
    static func isOpen(_ path: String, session: Int32) -> Bool {
        guard let real = realpath(path, nil) else { return false }
        defer { free(real) }
        let wanted = String(cString: real)
        guard let processes = try? DiskFiles().list("/proc") else { return false }  // no /proc: nothing can be said
        for process in processes {
            guard let pid = Int32(process), getsid(pid) == session,
                let descriptors = try? DiskFiles().list("/proc/\(pid)/fd")  // it ended meanwhile
            else { continue }
            for descriptor in descriptors {
                var buffer = [CChar](repeating: 0, count: 4096)
                let count = readlink("/proc/\(pid)/fd/\(descriptor)", &buffer, buffer.count - 1)
                guard count > 0 else { continue }
                let target = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if target == wanted || target.hasPrefix(wanted + "/") { return true }
            }
        }
        return false
    }
}
