import CSQLiteExtras
import Dispatch
import Foundation
package import GRDB
package import Ports
import Synchronization

/// The only connection that writes, on a thread of its own.
///
/// Verbs that wait together share one `BEGIN IMMEDIATE … COMMIT` and so one fsync; every answer is given
/// after the COMMIT returned. Control verbs go before bulk ones. There is no artificial delay: while one
/// commit syncs, the next batch gathers.
///
/// After an error of the disk nobody is answered and `onFatal` is called: whether the last commit is there
/// can only be found out by opening the ledger anew, and clients repeat what was not answered.
package final class LedgerWriter: Sendable {
    package enum Priority: Sendable { case control, bulk }

    /// What the writer has done, for people and benchmarks.
    package struct Figures: Sendable, Equatable {
        package var batches = 0
        package var verbs = 0
        package var largestBatch = 0
        package var checkpoints = 0
    }

    private struct Work: Sendable {
        let bytes: Int
        /// Runs the verb and returns how to deliver its outcome.
        let run: @Sendable (Database) throws -> @Sendable () -> Void
        let fail: @Sendable (any Error) -> Void
    }

    private struct State {
        var control: [Work] = []
        var bulk: [Work] = []
        var bulkBytes = 0
        var isStopping = false
        var isDead = false
        var figures = Figures()
    }

    /// Most verbs in one transaction, and most bytes of bulk.
    private static let batchVerbs = 512
    private static let batchBytes = 4 << 20
    private static let waitingBytes = 64 << 20
    private static let pageBytes = 4096
    /// At this size of the log it is copied into the file when nothing waits, at four times this size always.
    package static let checkpointBytes = 16 << 20

    private let queue: DatabaseQueue
    private let path: String
    private let logPath: String
    private let logInode: UInt64
    private let files: any FileStore
    private let isStepped: Bool
    private let checkpointBytes: Int
    private let pages: WALPages
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let onFatal: @Sendable (LedgerError) -> Void

    /// - Parameter queue: a connection made by `Ledger.openWriter`.
    /// - Throws: `LedgerError` `notDurable` if its settings are not what was asked for.
    package init(
        queue: DatabaseQueue, path: String, files: any FileStore, isStepped: Bool, checkpointBytes: Int,
        onFatal: @escaping @Sendable (LedgerError) -> Void
    ) throws {
        self.queue = queue
        self.files = files
        self.isStepped = isStepped
        self.checkpointBytes = checkpointBytes
        self.onFatal = onFatal
        let pages = WALPages()
        self.pages = pages
        self.path = path
        logPath = path + "-wal"
        try queue.inDatabase { db in
            let connection = UnsafeMutableRawPointer(db.sqliteConnection)
            guard let connection, cse_harden(connection) == 0 else {
                throw LedgerError(.notDurable, "\(path): SQLite \(String(cString: cse_version())) cannot be hardened")
            }
            // GRDB's pool lowers this behind the caller's back; whoever opened the connection, the writer
            // does not start without it.
            try Self.checkSettings(db, path)
            cse_watch_wal(connection, pages.pointer)
            // The file then stands by itself. A reader of another program may be in the way; then the next
            // checkpoint does it.
            do { _ = try db.checkpoint(.full) } catch DatabaseError.SQLITE_BUSY {}
            // Makes the log, so that its inode is known: the file must never be replaced under the open
            // connection.
            try db.execute(sql: "UPDATE ledger SET epoch = epoch")
        }
        guard let inode = try files.information(logPath)?.inode else {
            throw LedgerError(.notDurable, "\(logPath) is missing although the ledger was just written")
        }
        // SQLite makes the name of a new log durable too, but takes no notice when that fails.
        try files.synchronizeFolder(DiskFiles.parent(of: path))
        logInode = inode
        guard !isStepped else { return }
        let thread = Thread { [self] in loop() }
        thread.name = "ledger-writer"
        thread.stackSize = 4 << 20
        thread.start()
    }

    package var figures: Figures { state.withLock { $0.figures } }

    /// Runs a verb in one of the next transactions; `completion` is called on the writer's thread after the
    /// commit.
    package func submit<Verb: LedgerVerb>(
        _ verb: Verb, _ priority: Priority = .control, bytes: Int = 0,
        completion: @escaping @Sendable (Result<Verb.Outcome, any Error>) -> Void
    ) {
        let work = Work(
            bytes: bytes,
            run: { db in
                let outcome = try verb.run(db)
                return { completion(.success(outcome)) }
            },
            fail: { completion(.failure($0)) })
        let refusal = state.withLock { state -> LedgerError? in
            if state.isStopping || state.isDead { return LedgerError(.closed, "the ledger is closing; try again") }
            switch priority {
            case .control: state.control.append(work)
            case .bulk:
                if state.bulkBytes > Self.waitingBytes { return LedgerError(.closed, "the ledger is busy; try again") }
                state.bulkBytes += bytes
                state.bulk.append(work)
            }
            return nil
        }
        if let refusal { completion(.failure(refusal)) } else { wake.signal() }
    }

    package func perform<Verb: LedgerVerb>(
        _ verb: Verb, _ priority: Priority = .control, bytes: Int = 0
    ) async throws -> Verb.Outcome {
        try await withCheckedThrowingContinuation { continuation in
            submit(verb, priority, bytes: bytes) { continuation.resume(with: $0) }
        }
    }

    /// Commits what waits, copies the log into the file and ends the thread. Later verbs are refused. Waits
    /// for the thread.
    func stop() {
        state.withLock { $0.isStopping = true }
        guard !isStepped else {
            while step() {}
            if !state.withLock({ $0.isDead }) { checkpoint() }
            return
        }
        wake.signal()
        ended.wait()
        ended.signal()
    }

    /// Commits one batch, in the caller's time: for a writer without a thread.
    ///
    /// - Returns: whether there was something to commit, and the writer still lives.
    package func step() -> Bool {
        precondition(isStepped, "this writer has a thread of its own")
        let batch = take()
        guard !batch.isEmpty, !state.withLock({ $0.isDead }), commit(batch) else { return false }
        checkpointIfDue()
        return true
    }

    func readNow<Value>(_ body: (Database) throws -> Value) throws -> Value { try queue.inDatabase(body) }

    private func loop() {
        defer { ended.signal() }
        while true {
            wake.wait()
            // Submitting signals once per verb, a batch takes many: the surplus only makes empty rounds.
            let batch = take()
            if !batch.isEmpty {
                guard commit(batch) else { return }
                checkpointIfDue()
            } else if state.withLock({ $0.isStopping }) {
                checkpoint()
                return
            }
        }
    }

    private func take() -> [Work] {
        state.withLock { state in
            var batch = Array(state.control.prefix(Self.batchVerbs))
            state.control.removeFirst(batch.count)
            var bytes = 0
            var taken = 0
            for work in state.bulk
            where batch.count + taken < Self.batchVerbs && (taken == 0 || bytes < Self.batchBytes) {
                bytes += work.bytes
                taken += 1
            }
            batch += state.bulk.prefix(taken)
            state.bulk.removeFirst(taken)
            state.bulkBytes -= bytes
            if !state.control.isEmpty || !state.bulk.isEmpty { wake.signal() }
            return batch
        }
    }

    /// - Returns: false when the writer is dead.
    private func commit(_ batch: [Work]) -> Bool {
        do {
            let deliveries: [(@Sendable () -> Void)]
            do {
                deliveries = try transaction(batch, alone: false)
            } catch let failure as VerbFailure {
                if let fault = fault(failure.cause) { return refuse(batch, fault) }
                // One verb failed after it may have written: once more, each in a savepoint of its own.
                deliveries = try transaction(batch, alone: true)
            }
            guard try information(logPath)?.inode == logInode else {
                throw LedgerError(
                    .inputOutput,
                    "\(logPath) was replaced while in use: another program opened or moved the ledger's files")
            }
            Faults.reach("ledger.committed")
            state.withLock { state in
                state.figures.batches += 1
                state.figures.verbs += batch.count
                state.figures.largestBatch = max(state.figures.largestBatch, batch.count)
            }
            for deliver in deliveries { deliver() }
            return true
        } catch let failure as VerbFailure {
            return refuse(batch, fault(failure.cause) ?? LedgerError(.inputOutput, "\(failure.cause)"))
        } catch let error as LedgerError {
            return die(error)
        } catch {
            return refuse(batch, fault(error) ?? LedgerError(.inputOutput, "\(error)"))
        }
    }

    /// - Throws: ``LedgerError``: what cannot be looked at may be anything, and the ledger is left alone.
    private func information(_ path: String) throws -> FileInformation? {
        do {
            return try files.information(path)
        } catch {
            throw LedgerError(.inputOutput, "\(path) cannot be looked at: \(error)")
        }
    }

    private struct VerbFailure: Error { let cause: any Error }

    private func transaction(_ batch: [Work], alone: Bool) throws -> [@Sendable () -> Void] {
        var deliveries: [@Sendable () -> Void] = []
        deliveries.reserveCapacity(batch.count)
        do {
            try queue.inDatabase { db in try run(batch, alone: alone, db, &deliveries) }
        } catch  where Mutant.isOn("retry-after-io-error") && fault(error)?.code == .inputOutput {
            // Linux answers a second sync after a failed one with success, although the pages are gone.
        }
        return deliveries
    }

    private func run(
        _ batch: [Work], alone: Bool, _ db: Database, _ deliveries: inout [@Sendable () -> Void]
    ) throws {
        try db.inTransaction(.immediate) {
            Faults.reach("ledger.begun")
            for work in batch {
                do {
                    if alone {
                        var delivery: (@Sendable () -> Void)?
                        try db.inSavepoint {
                            delivery = try work.run(db)
                            return .commit
                        }
                        if let delivery { deliveries.append(delivery) }
                    } else {
                        deliveries.append(try work.run(db))
                    }
                } catch {
                    guard alone, fault(error) == nil else { throw VerbFailure(cause: error) }
                    let fail = work.fail
                    deliveries.append { fail(error) }
                }
            }
            Faults.reach("ledger.written")
            if Mutant.isOn("answer-before-commit") { while !deliveries.isEmpty { deliveries.removeFirst()() } }
            return .commit
        }
    }

    /// A full disk or another program's lock rolls the batch back and is told to the clients; everything else
    /// ends the writer.
    private func refuse(_ batch: [Work], _ fault: LedgerError) -> Bool {
        guard fault.code == .diskFull || fault.code == .conflict else {
            return die(fault)
        }
        for work in batch { work.fail(fault) }
        return true
    }

    private func die(_ fault: LedgerError) -> Bool {
        state.withLock { $0.isDead = true }
        onFatal(fault)
        return false
    }

    /// What an error says about the ledger itself; nil for an error of the verb.
    private func fault(_ error: any Error) -> LedgerError? {
        guard let error = error as? DatabaseError else { return nil }
        switch error.resultCode {
        case .SQLITE_FULL:
            return LedgerError(.diskFull, "\(path): \(Ledger.diskFull); the coordinator goes on by itself")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return LedgerError(.conflict, "another program is writing in the ledger; open it read-only (mode=ro)")
        case .SQLITE_IOERR, .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PROTOCOL,
            .SQLITE_NOMEM:
            let reason = error.message ?? "\(error.resultCode)"
            if Ledger.isDiskFull(path) {
                // SQLite may say "I/O error" then; what the last commit did is only known after opening anew.
                return LedgerError(.inputOutput, "\(path): \(reason): \(Ledger.diskFull) and start again")
            }
            return LedgerError(.inputOutput, "\(path) cannot be written: \(reason)")
        default:
            return nil
        }
    }

    private func checkpointIfDue() {
        let bytes = Int(pages.pointer.pointee) * Self.pageBytes
        guard bytes > checkpointBytes else { return }
        let isIdle = state.withLock { $0.control.isEmpty && $0.bulk.isEmpty }
        if isIdle || bytes > 4 * checkpointBytes { checkpoint() }
    }

    /// Copies the log into the file, as far as readers allow. The log is never truncated: a reused one
    /// commits twice as fast.
    private func checkpoint() {
        state.withLock { $0.figures.checkpoints += 1 }
        do {
            try queue.inDatabase { db in _ = try db.checkpoint(.passive) }
            Faults.reach("ledger.checkpointed")
        } catch {
            guard fault(error)?.code == .inputOutput else { return }
            _ = die(LedgerError(.inputOutput, "the ledger's log cannot be copied into its file: \(error)"))
        }
    }
}

/// A number that SQLite's hook writes on the writer's thread and only that thread reads.
final class WALPages: @unchecked Sendable {
    // Written and read on the writer's thread only (the hook runs inside COMMIT).
    let pointer = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    init() { pointer.initialize(to: 0) }
    deinit { pointer.deallocate() }
}
