import CSQLiteExtras
import Foundation
package import GRDB
package import Ports
import Synchronization

/// The ledger: `ledger.db`, opened so that what was answered is on disk, and the blobs beside it.
///
/// Nothing but SQLite ever opens `ledger.db`, `-wal` or `-shm` in this process: POSIX locks belong to the
/// process, and closing any other descriptor of the file would drop SQLite's.
package final class Ledger: Sendable {
    package let folder: String
    /// Random id, made with the ledger.
    package let id: String
    /// Grows when the ledger is restored from a backup.
    package let epoch: Int
    package let writer: LedgerWriter
    package let blobs: BlobStore
    /// For queries of users.
    package let spares: QuerySpares
    /// None where the simulator takes every step itself.
    let readers: DatabasePool?
    private let lock: Mutex<(any Sendable)?>

    package var path: String { folder + "/ledger.db" }

    /// Of the connection that writes: what a slice of a launch changes has room in it. And while a large
    /// launch goes on.
    static let cacheKilobytes = 32 << 10
    static let launchCacheKilobytes = 128 << 10

    /// Opens the ledger in `folder`, or makes it.
    ///
    /// - Parameters:
    ///   - isStepped: no threads and no readers; the simulator calls `writer.step()`.
    ///   - checkpointBytes: size of the log at which it is copied into the file.
    ///   - onFatal: called once, on the writer's thread, when the ledger can no longer be trusted to be
    ///   written. The process should end.
    /// - Throws: `LedgerError`: `locked` when another coordinator runs on the folder, `newerSchema`,
    ///   `notALedger`, `notDurable`, `diskFull`.
    package init(
        folder: String, time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom(),
        files: any FileStore = DiskFiles(), isStepped: Bool = false,
        checkpointBytes: Int = LedgerWriter.checkpointBytes, onFatal: @escaping @Sendable (LedgerError) -> Void
    ) throws {
        self.folder = folder
        do {
            try files.makeFolder(folder, mode: 0o700)
            do {  // it may be of an earlier process, which was killed before its name was durable
                try files.synchronizeFolder(DiskFiles.parent(of: folder))
            } catch let error as PortsError where error.code == .permission {}
            guard let lock = try Self.lock(folder, files) else {
                throw LedgerError(
                    .locked, "\(folder) is in use by another coordinator; stop it, or give another --data folder")
            }
            self.lock = Mutex(lock)
            try Self.finishRestore(folder + "/ledger.db", files)
            try Self.keepPrivate(folder, files)
            if !Mutant.isOn("log-not-rewritten") { try LedgerLog.makeDurable(folder + "/ledger.db-wal", in: files) }
        } catch let error as PortsError {
            throw LedgerError(error.code == .diskFull ? .diskFull : .inputOutput, error.message)
        }
        let path = folder + "/ledger.db"
        spares = QuerySpares(path: path)
        do {
            let queue = try Self.openWriter(path)
            let made = (random.hexadecimal(bytes: 16), time.wall().milliseconds)
            (id, epoch) = try queue.inDatabase { db in
                try Schema.prepare(db, path: path, ledgerID: made.0, now: made.1) { db, version in
                    try Self.keepCopy(db, of: version, folder: folder, now: made.1, files: files)
                }
                guard let row = try Row.fetchOne(db, sql: "SELECT id, epoch FROM ledger") else {
                    throw LedgerError(.notALedger, "\(path) has no ledger id")
                }
                return (row["id"], row["epoch"])
            }
            writer = try LedgerWriter(
                queue: queue, path: path, files: files, isStepped: isStepped, checkpointBytes: checkpointBytes,
                onFatal: onFatal)
            readers = isStepped ? nil : try Self.openReaders(path)
        } catch let error as DatabaseError {
            throw Self.openingError(error, path)
        } catch let error as PortsError {
            throw LedgerError(error.code == .diskFull ? .diskFull : .inputOutput, error.message)
        }
        blobs = try BlobStore(folder: folder + "/blobs", files: files)
        try blobs.settleLeftAside { try blobRowCount($0) > 0 }
    }

    /// Commits what waits, closes the files and gives the folder free. Readers go first, so that only the
    /// writer ever checkpoints.
    package func close() {
        spares.close()
        // A reader that is still busy keeps its connection; the ledger is no less complete for it.
        let failure = Result { try readers?.close() }
        writer.stop()
        if case .success = failure { lock.withLock { $0 = nil } }
    }

    /// A program that is just being started holds a copy of every descriptor until it runs, so a lock that
    /// was given up may be seen for a moment longer.
    static func lock(_ folder: String, _ files: any FileStore) throws -> (any Sendable)? {
        for _ in 0..<20 {
            if let lock = try files.lock(folder + "/coordinator.lock") { return lock }
            guard files is DiskFiles else { return nil }
            usleep(50_000)
        }
        return nil
    }

    /// Others read none of the ledger's files, whatever the folder's mode, the umask or an earlier version
    /// made of them. SQLite gives `-wal` and `-shm` the mode of the file.
    private static func keepPrivate(_ folder: String, _ files: any FileStore) throws {
        try files.makePrivateFile(folder + "/ledger.db")
        for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm", "coordinator.lock"] {
            try files.keepPrivate("\(folder)/\(name)", mode: 0o600)
        }
        for name in ["blobs", "backups"] { try files.keepPrivate("\(folder)/\(name)", mode: 0o700) }
        // Of the blobs their folders: there may be a million of them.
        for (place, mode) in [("blobs", UInt32(0o700)), ("backups", 0o600)] {
            guard try files.information("\(folder)/\(place)")?.isFolder == true else { continue }
            for name in try files.list("\(folder)/\(place)") {
                try files.keepPrivate("\(folder)/\(place)/\(name)", mode: mode)
            }
        }
    }

    /// A synced copy of a ledger that is about to be brought up to date.
    private static func keepCopy(
        _ db: Database, of version: Int, folder: String, now: Int64, files: any FileStore
    ) throws {
        let copy = "\(folder)/backups/schema-\(version)-\(now).db"
        try files.makeFolder(folder + "/backups", mode: 0o700)
        try files.remove(copy + ".tmp")
        try db.execute(sql: "VACUUM INTO ?", arguments: [copy + ".tmp"])
        try files.keepPrivate(copy + ".tmp", mode: 0o600)
        try files.publish(copy + ".tmp", as: copy)
    }

    /// The connection that writes: every commit is synced, and the log is begun anew by the writer alone.
    package static func openWriter(_ path: String) throws -> DatabaseQueue {
        cse_count_no_memory()
        var configuration = Configuration()
        configuration.label = "ledger.writer"
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = true
        // The pages that a slice of a large launch changes have room in the cache; else they would be
        // written to the log more than once. It fills when there are so many jobs.
        configuration.prepareDatabase { db in
            try db.execute(
                sql: """
                    PRAGMA journal_mode = WAL;
                    PRAGMA synchronous = FULL;
                    PRAGMA wal_autocheckpoint = 0;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA mmap_size = 0;
                    PRAGMA cell_size_check = ON;
                    PRAGMA cache_size = -\(cacheKilobytes);
                    """
                    .mutant("synchronous-normal", "FULL", "NORMAL"))
            try prepareThinning(db)
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    private static func openReaders(_ path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "ledger.reader"
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        // Small caches: what is read of a large ledger the system keeps anyway, once
        // for all connections. They are full after minutes and never emptied, so the process does not grow
        // with the ledger.
        configuration.prepareDatabase { db in
            try db.execute(
                sql:
                    "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024; PRAGMA wal_autocheckpoint = 0"
            )
            try prepareThinning(db)
        }
        return try DatabasePool(path: path, configuration: configuration)
    }

    private static func prepareThinning(_ db: Database) throws {
        let code = cse_prepare_thinning(UnsafeMutableRawPointer(db.sqliteConnection))
        guard code == 0 else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
        }
    }

    private static func openingError(_ error: DatabaseError, _ path: String) -> LedgerError {
        if isDiskFull(path) { return LedgerError(.diskFull, "\(path): \(diskFull) and start again") }
        switch error.resultCode {
        case .SQLITE_NOTADB:
            return LedgerError(.notALedger, "\(path) is not an SQLite file; give another --data folder")
        case .SQLITE_FULL:
            return LedgerError(.diskFull, "\(path): \(diskFull) and start again")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return LedgerError(.locked, "\(path) is being written by another program; close it")
        default:
            return LedgerError(.inputOutput, "\(path) cannot be opened: \(error.message ?? "\(error.resultCode)")")
        }
    }

    /// Reads on the writer's connection, in the caller's time: for a start and for the simulator.
    package func readNow<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try writer.readNow(body)
    }

    static let diskFull = "the disk is full; free some space there"

    /// Whether not even SQLite's smallest files can grow: then any of its errors may only be a consequence.
    static func isDiskFull(_ path: String) -> Bool {
        guard let space = try? DiskFiles().space(at: path) else { return false }  // the folder is gone: another fault
        return space.free < 256 << 10
    }

    /// Reads a consistent state of the ledger.
    package func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        guard let readers else { return try readNow(body) }
        return try await readers.read(body)
    }

    /// What two readers find, at the same time where there are several connections.
    func readBoth<Value: Sendable>(
        _ first: @escaping @Sendable (Database) throws -> Value,
        _ second: @escaping @Sendable (Database) throws -> Value
    ) async throws -> (Value, Value) {
        guard readers != nil else { return (try readNow(first), try readNow(second)) }
        async let one = read(first)
        async let other = read(second)
        return try await (one, other)
    }

    /// Gives memory that was freed back to the system; without it the process keeps what its busiest moment
    /// took.
    package static func giveBackMemory() { cse_give_back_memory() }

    /// For a process that runs for weeks: threads share four arenas of the allocator instead of having one
    /// each, of which every one keeps what its busiest moment took, in pieces that cannot be given back; and
    /// buffers of 1 MB or more are mapped for themselves, however many have come and gone. An arena keeps up
    /// to 16 MB free at its end, until memory is given back. With two arenas and half a megabyte a tenth
    /// fewer no-op jobs a second were done.
    package static func tameAllocator() { cse_tame_allocator(4, 1 << 20, 16 << 20) }

    package static var sqliteVersion: String { String(cString: cse_version()) }
}
