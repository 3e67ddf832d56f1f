import CSimulatedDisk
import Glibc
import Ports

/// One machine's disk: a file store in memory that can lose power, break and fill up; SQLite reads and writes
/// it too.
// @unchecked: one thread uses a world and all that is in it.
final class SimulatedDisk: FileStore, @unchecked Sendable {
    let number: Int
    let disk: OpaquePointer
    private var locks: [String: Weak] = [:]
    private var names = 0
    var root: String { "/simulated/\(number)" }

    // Holds nothing.
    private final class Held: Sendable {}
    private struct Weak { weak var held: Held? }

    init(number: Int, seed: UInt64) {
        self.number = number
        guard let disk = csd_new(Int32(number), seed) else { preconditionFailure("disk \(number) is in use") }
        self.disk = disk
    }

    private(set) var isDisposed = false

    /// Gives the disk's number back; files still held are dead.
    func dispose() {
        guard !isDisposed else { return }
        isDisposed = true
        csd_delete(disk)
    }

    deinit { dispose() }

    /// The process that used it is gone, however that happened.
    func processGone() {
        csd_process_gone(disk)
        locks = [:]
    }

    func powerCut(keep: Double) {
        csd_power_cut(disk, keep)
        locks = [:]
    }

    func open(reading path: String) throws -> any StoredFile {
        if csd_kind(disk, path) == 2 {
            throw PortsError(.malformed, "cannot read \(path): it is a folder, wanted a file")
        }
        let handle = csd_open(disk, path, 0)
        guard handle >= 0 else { throw PortsError.system("read", path, number: -handle) }
        return SimulatedFile(self, handle, path)
    }

    func open(writing path: String, truncate: Bool, mode: UInt32) throws -> any StoredFile {
        let flags = Int32(CSD_CREATE) | (truncate ? Int32(CSD_TRUNCATE) : 0)
        let handle = csd_open(disk, path, flags)
        guard handle >= 0 else { throw PortsError.system("write", path, number: -handle) }
        return SimulatedFile(self, handle, path)
    }

    func makeSingleFolder(_ path: String, mode: UInt32) throws -> Bool {
        let code = csd_make_folder(disk, path)
        if code == 0 { return true }
        if code == -EEXIST { return false }
        throw PortsError.system("make the folder", path, number: -code)
    }

    func rename(_ path: String, to target: String) throws {
        let code = csd_rename(disk, path, target)
        guard code == 0 else { throw PortsError.system("rename \(path) to", target, number: -code) }
    }

    func synchronizeFolder(_ path: String) throws {
        let code = csd_sync_folder(disk, path)
        guard code == 0 else { throw PortsError.system("write to disk the folder", path, number: -code) }
    }

    func link(_ path: String, as target: String) throws {
        let code = csd_link(disk, path, target)
        guard code == 0 else { throw PortsError.system("link", path, number: -code) }
    }

    func remove(_ path: String) throws {
        switch csd_kind(disk, path) {
        case 0: return
        case 2: for name in try list(path) { try remove("\(path)/\(name)") }
        default: break
        }
        let code = csd_remove(disk, path)
        guard code == 0 else { throw PortsError.system("remove", path, number: -code) }
    }

    func list(_ path: String) throws -> [String] {
        guard csd_kind(disk, path) == 2 else { throw PortsError.system("list", path, number: ENOENT) }
        var names: [String] = []
        while let name = csd_entry(disk, path, Int32(names.count)) { names.append(String(cString: name)) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    func information(_ path: String) throws -> FileInformation? {
        let kind = csd_kind(disk, path)
        guard kind != 0 else { return nil }
        // As old as can be: what protects young files must not be their age alone.
        return FileInformation(
            size: size(path), isFolder: kind == 2, inode: csd_inode(disk, path), modifiedNanoseconds: 0,
            mode: 0o600, owner: 0)
    }

    /// It has no links.
    func canonical(_ path: String) throws -> String { path }

    private func size(_ path: String) -> Int64 {
        guard csd_kind(disk, path) == 1 else { return 0 }
        return csd_path_size(disk, path)
    }

    func space(at path: String) throws -> DiskSpace { DiskSpace(free: 1 << 40, total: 1 << 41) }

    func lock(_ path: String) throws -> (any Sendable)? {
        if locks[path]?.held != nil { return nil }
        let held = Held()
        locks[path] = Weak(held: held)
        return held
    }

    func temporaryName(for path: String) -> String {
        names += 1
        return "\(path).\(names).tmp"
    }
}

// @unchecked: as the disk it is on.
private final class SimulatedFile: StoredFile, @unchecked Sendable {
    let path: String
    private let disk: SimulatedDisk
    private let handle: Int32

    init(_ disk: SimulatedDisk, _ handle: Int32, _ path: String) {
        self.disk = disk
        self.handle = handle
        self.path = path
    }

    deinit {
        if !disk.isDisposed { csd_close(disk.disk, handle) }
    }

    func size() throws -> Int64 { csd_size(disk.disk, handle) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        let count = csd_read(disk.disk, handle, buffer.baseAddress, Int64(buffer.count), offset)
        guard count >= 0 else { throw PortsError.system("read", path, number: Int32(-count)) }
        return Int(count)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        let count = csd_write(disk.disk, handle, bytes.baseAddress, Int64(bytes.count), offset)
        guard count >= 0 else { throw PortsError.system("write", path, number: Int32(-count)) }
    }

    func truncate(to size: Int64) throws {
        let code = csd_truncate(disk.disk, handle, size)
        guard code == 0 else { throw PortsError.system("cut", path, number: -code) }
    }

    func synchronize() throws {
        let code = csd_sync(disk.disk, handle)
        guard code == 0 else { throw PortsError.system("write to disk", path, number: -code) }
    }
}
