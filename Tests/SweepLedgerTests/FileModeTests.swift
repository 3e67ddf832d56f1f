import Foundation
import Glibc
import Ports
import SweepLedger
import SweepModel
import TestSupport
import Testing

@Suite("Nobody else reads the ledger's files")
struct FileModeTests {
    private static func modes(_ folder: String) throws -> [String: UInt32] {
        var found: [String: UInt32] = [:]
        for name in FileManager.default.subpaths(atPath: folder) ?? [] {
            found[name] = try DiskFiles().information("\(folder)/\(name)")?.mode
        }
        return found
    }

    private static func expectPrivate(_ folder: String, _ names: [String]) throws {
        let modes = try modes(folder)
        for name in names { #expect(modes[name] != nil, "\(name) is not there: \(modes.keys.sorted())") }
        for (name, mode) in modes { #expect(mode & 0o077 == 0, "\(name): \(String(mode, radix: 8))") }
    }

    @Test("a folder that everybody may read, files of an earlier version, a new backup: all 0600 and 0700")
    func everything() async throws {
        // SQLite's own files may go while the folder is removed: the last reader closes behind `close`.
        let temporary = try TemporaryFolder()
        let folder = temporary.path
        try #require(chmod(folder, 0o777) == 0)
        func use(_ body: (Ledger) async throws -> Void) async throws {
            let ledger = try Ledger(folder: folder, onFatal: { Issue.record("\($0)") })
            defer { ledger.close() }
            try await body(ledger)
        }
        try await use { ledger in
            _ = try await ledger.backup(now: WallTime(milliseconds: 1))
            try Self.expectPrivate(
                folder, ["ledger.db", "ledger.db-wal", "ledger.db-shm", "blobs", "backups/ledger-1.db"])
        }
        for (name, mode) in try Self.modes(folder) {
            let isFolder = try DiskFiles().information("\(folder)/\(name)")?.isFolder == true
            try #require(chmod("\(folder)/\(name)", isFolder ? 0o755 : mode_t(mode | 0o044)) == 0)
        }
        try await use { ledger in
            _ = try await ledger.backup(now: WallTime(milliseconds: 2))
            try Self.expectPrivate(folder, ["ledger.db", "blobs", "backups/ledger-1.db", "backups/ledger-2.db"])
        }
        // The folder itself is its owner's to open.
        #expect(try DiskFiles().information(folder)?.mode == 0o777)
    }
}
