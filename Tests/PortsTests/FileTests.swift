import Glibc
import Ports
import TestSupport
import Testing

@Suite("Files")
struct FileTests {
    let files = DiskFiles()

    @Test("an atomic write replaces the file, keeps the mode and leaves nothing beside it")
    func atomicWrite() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/token"
        try files.writeAtomically(Array("old".utf8), to: path, mode: 0o600)
        try files.writeAtomically(Array("new".utf8), to: path, mode: 0o600)
        #expect(try files.readText(path) == "new")
        #expect(try files.information(path)?.mode == 0o600)
        #expect(try files.list(folder.path) == ["token"])
    }

    @Test("a write that cannot succeed names the file and leaves the old content")
    func refusedWrite() throws {
        let folder = try TemporaryFolder()
        #expect(throws: PortsError.self) { try files.writeAtomically([1], to: folder.path + "/no/such/file") }
        let path = try folder.write("file", "in the way")
        #expect(throws: PortsError(.malformed, "cannot make the folder \(path): a file of that name is in the way")) {
            try files.makeFolder(path)
        }
        #expect(try files.readText(path) == "in the way")
    }

    @Test("reading stops at the limit before it reads")
    func readLimit() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("file", "12345")
        #expect(throws: PortsError(.tooLarge, "\(path): 5 bytes, wanted at most 4")) { try files.read(path, limit: 4) }
        #expect(try files.read(path, limit: 5).count == 5)
    }

    @Test("publishing moves a whole folder to its final name")
    func publish() throws {
        let folder = try TemporaryFolder()
        try files.makeFolder(folder.path + "/new/inner")
        _ = try folder.write("new/inner/a", "a")
        try files.publish(folder.path + "/new", as: folder.path + "/final")
        #expect(try files.readText(folder.path + "/final/inner/a") == "a")
        #expect(try files.exists(folder.path + "/new") == false)
    }

    @Test("removing a folder does not follow its links")
    func removeStopsAtLinks() throws {
        let folder = try TemporaryFolder()
        let kept = try folder.write("kept", "x")
        try files.makeFolder(folder.path + "/doomed")
        symlink(folder.path, folder.path + "/doomed/link")
        try files.remove(folder.path + "/doomed")
        #expect(try files.exists(kept))
        #expect(try files.exists(folder.path + "/doomed") == false)
        try files.remove(folder.path + "/doomed")
    }

    @Test("a lock is held by one at a time and freed with its owner")
    func lock() throws {
        let folder = try TemporaryFolder()
        var first = try FileLock.acquire(folder.path + "/lock")
        #expect(first != nil)
        #expect(try FileLock.acquire(folder.path + "/lock") == nil)
        first = nil
        #expect(try FileLock.acquire(folder.path + "/lock") != nil)
    }
}
