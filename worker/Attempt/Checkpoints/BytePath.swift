import Glibc
import Ports
import RunSpec

/// A path as the system has it: bytes, of any encoding or none.
package struct BytePath: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(_ text: String) { bytes = Array(text.utf8) }

    /// Of a C string.
    init(_ text: UnsafePointer<CChar>) { bytes = (0..<strlen(text)).map { UInt8(bitPattern: text[$0]) } }

    package static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

    package func appending(_ name: [UInt8]) -> BytePath { BytePath(bytes + [UInt8(ascii: "/")] + name) }

    /// The last component.
    package var name: [UInt8] { Array(bytes[((bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...]) }

    var parent: BytePath { BytePath(Array(bytes[..<max(0, bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0)])) }

    /// The same with another ending; nil where it does not end so.
    func beside(_ ending: String, _ other: String) -> BytePath? {
        guard bytes.count > ending.utf8.count, bytes.suffix(ending.utf8.count).elementsEqual(ending.utf8) else {
            return nil
        }
        return BytePath(bytes.dropLast(ending.utf8.count) + Array(other.utf8))
    }

    func isBelow(_ root: BytePath) -> Bool {
        bytes.count > root.bytes.count + 1 && bytes.starts(with: root.bytes)
            && bytes[root.bytes.count] == UInt8(ascii: "/")
    }

    /// As a message or the ledger shows it.
    package var description: String { FileName.text(bytes) }

    /// For calls that take text; nil where it is none.
    package var text: String? { String(validating: bytes, as: UTF8.self) }

    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        let text = bytes.map { CChar(bitPattern: $0) } + [0]
        return text.withUnsafeBufferPointer { buffer in
            // A zero ends the bytes, so there is always a first one.
            buffer.baseAddress.map(body) ?? body("")
        }
    }

    /// What `stat` says, links followed or not; nil where there is nothing, or a link leads nowhere.
    func status(followsLinks: Bool = true) -> stat? {
        var status = stat()
        let result = withCString { followsLinks ? stat($0, &status) : lstat($0, &status) }
        return result == 0 ? status : nil
    }

    /// Where it leads in the end.
    var real: BytePath? {
        withCString { path in
            guard let found = realpath(path, nil) else { return nil }
            defer { free(found) }
            return BytePath(found)
        }
    }

    /// Names in a folder, in order of their bytes.
    func names() -> [[UInt8]] {
        guard let folder = withCString({ opendir($0) }) else { return [] }
        defer { closedir(folder) }
        var names: [[UInt8]] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { BytePath($0).bytes }
            }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// A descriptor of a regular file, opened without waiting for anybody; links are followed.
    func openRegular() throws -> HeldFile {
        let descriptor = withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else { throw PortsError.system("read", description) }
        let file = HeldFile(descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw PortsError(.malformed, "cannot read \(description): it is no regular file")
        }
        return file
    }
}

extension stat {
    var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
    var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
    var isLink: Bool { st_mode & S_IFMT == S_IFLNK }
    var modified: Int64 { Int64(st_mtim.tv_sec) * 1_000_000_000 + Int64(st_mtim.tv_nsec) }
}

/// A file held open: whatever becomes of its name, `path` leads to this very file.
final class HeldFile: Sendable {
    private let descriptor: Int32

    fileprivate init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Plain text, whatever the file's own name is; links can be made of it.
    var path: String { "/proc/self/fd/\(descriptor)" }
}
