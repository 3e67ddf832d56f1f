import CoreTensor
import Foundation
import Glibc

/// Networks as they lie in memory, in files that the jobs of a machine map: the second job of a base converts
/// and copies nothing, and jobs that run together share the pages.
///
/// A cache only: what cannot be kept is loaded as ever. Bounded: the files that were not used for the longest
/// time go first. A file counts until the machine starts anew, so that none is waited for until it is on the
/// disk.
package struct WeightStore: Sendable {
    /// Of the work that runs in `withValue`; nil keeps nothing.
    @TaskLocal package static var current: WeightStore?

    private let folder: String
    private let limit: Int
    private let boot: String

    package static let usualLimit = 32 << 30
    private static let mark = "radiata weights 1"
    private static let page = 4096

    /// - Parameters:
    ///   - folder: is made.
    ///   - limit: bytes of all files together; half of what the disk could give them, if that is less.
    /// - Returns: nil where the folder cannot be made or the machine does not say when it started.
    package init?(folder: String, limit: Int = usualLimit) {
        guard (try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)) != nil,
            let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        else { return nil }
        self.folder = folder
        self.limit = limit
        self.boot = boot.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    typealias Named = (path: String, parameter: Parameter)

    /// Maps the parameters' values, which `read` fills in where no file has them yet.
    ///
    /// - Parameter key: decides, with the parameters' own names and shapes, what `read` gives.
    /// - Returns: false where they cannot be kept: the parameters are as if nobody had filled them.
    /// - Throws: what `read` throws.
    func load(_ own: [Named], key: String, read: (String, Parameter) throws -> Void) throws -> Bool {
        let names = own.map { "\($0) \($1.shape) \($1.layout) \($1.halving)" }.joined(separator: "\n")
        let key = "\(Self.mark)\n\(boot)\n\(key)\n\(names)"
        let file = "\(folder)/\(Self.digest(key)).weights"
        if map(file, key, own) { return true }
        // Another job may be at it: then there is nothing to do but wait, and the memory is shared.
        guard let lock = lock(file + ".lock") else { return false }
        defer { close(lock) }
        if map(file, key, own) { return true }
        let most = own.reduce(Self.page * 2 + key.utf8.count) { $0 + $1.parameter.shape.reduce(4, *) + 64 }
        guard makeRoom(for: most) else { return false }
        let temporary = "\(file).\(getpid()).tmp"
        defer { unlink(temporary) }
        guard try write(temporary, key, own, read), rename(temporary, file) == 0, map(file, key, own) else {
            for (_, parameter) in own { parameter.release() }
            return false
        }
        return true
    }

    private func map(_ path: String, _ key: String, _ own: [Named]) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard let file = MappedFile(descriptor: descriptor), let places = places(in: file, key, own.count) else {
            return false
        }
        let tensors = zip(own, places).compactMap { own, place in
            file.tensor(at: Int(place >> 1), shape: own.parameter.shape, isHalf: place & 1 == 1)
        }
        guard tensors.count == own.count else { return false }
        for (own, tensor) in zip(own, tensors) { own.parameter.adopt(tensor) }
        // Used now: it stays.
        utimes(path, nil)
        return true
    }

    /// Where each parameter begins, doubled, and one more for half floats; nil for a file of another key.
    private func places(in file: MappedFile, _ key: String, _ count: Int) -> [UInt64]? {
        let (bytes, text) = (file.bytes, Array(key.utf8))
        let start = text.count + (-text.count & 7)
        guard file.size > start + 8 * count, bytes.prefix(text.count).elementsEqual(text) else { return nil }
        return (0..<count).map { bytes.loadUnaligned(fromByteOffset: start + 8 * $0, as: UInt64.self) }
    }

    /// The key, the table of places, and the values at multiples of 64 bytes, one parameter after another.
    ///
    /// - Returns: false where the disk refuses.
    private func write(
        _ path: String, _ key: String, _ own: [Named], _ read: (String, Parameter) throws -> Void
    ) throws -> Bool {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var head = Array(key.utf8)
        head += Array(repeating: 0, count: -head.count & 7)
        var place = (head.count + 8 * own.count + Self.page - 1) / Self.page * Self.page
        for (name, parameter) in own {
            try read(name, parameter)
            let isWritten = parameter.tensor.withStoredBytes { Self.write($0, descriptor, at: place) }
            withUnsafeBytes(of: UInt64(place << 1 | (parameter.tensor.isHalf ? 1 : 0))) { head += $0 }
            place += (parameter.tensor.withStoredBytes(\.count) + 63) / 64 * 64
            parameter.release()
            guard isWritten else { return false }
        }
        return head.withUnsafeBytes { Self.write($0, descriptor, at: 0) }
            // Kernels read whole vectors.
            && ftruncate(descriptor, off_t(place + Self.page)) == 0
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32, at place: Int) -> Bool {
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            let written = pwrite(descriptor, start + done, bytes.count - done, off_t(place + done))
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return false }
            done += written
        }
        return true
    }

    /// The lock dies with the process that holds it, so a killed job blocks nobody.
    private func lock(_ path: String) -> Int32? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                close(descriptor)
                return nil
            }
        }
        return descriptor
    }

    /// Removes what was not used for the longest time, until as many bytes more are within the limit.
    private func makeRoom(for bytes: Int) -> Bool {
        var disk = statvfs()
        guard statvfs(folder, &disk) == 0,
            let names = try? FileManager.default.contentsOfDirectory(atPath: folder)
        else { return false }
        var files: [(path: String, bytes: Int, used: Int)] = []
        for name in names where !name.hasSuffix(".lock") {
            var status = stat()
            let path = "\(folder)/\(name)"
            guard stat(path, &status) == 0 else { continue }
            files.append((path, Int(status.st_size), Int(status.st_mtim.tv_sec)))
        }
        var total = files.reduce(0) { $0 + $1.bytes }
        let limit = min(limit, (Int(disk.f_bavail) * Int(disk.f_frsize) + total) / 2)
        guard bytes <= limit else { return false }
        for file in files.sorted(by: { ($0.used, $0.path) < ($1.used, $1.path) }) where total + bytes > limit {
            unlink(file.path)
            total -= file.bytes
        }
        return true
    }

    private static func digest(_ text: String) -> String {
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}
