import Dispatch
import Foundation
import GRDB
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Synchronization
import Testing

@Suite("The ledger's files")
struct LedgerFileTests {
    @Test("verbs that wait together share one transaction")
    func groupCommit() async throws {
        let bench = try LedgerBench()
        let ledger = bench.ledger
        let before = ledger.writer.figures
        let now = bench.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<400 {
                group.addTask {
                    try await ledger.writer.perform(AddBlobs(blobs: [(ContentDigest.of("\(index)").text, 1)], now: now))
                }
            }
            try await group.waitForAll()
        }
        let after = ledger.writer.figures
        #expect(after.verbs - before.verbs == 400)
        #expect(after.batches - before.batches < 400)
        #expect(try bench.query("SELECT count(*) FROM blob") == [[.integer(400)]])
    }

    @Test("a verb that fails takes nothing of its neighbours in the batch with it")
    func failingVerb() async throws {
        let bench = try LedgerBench()
        let ledger = bench.ledger
        let now = bench.now
        let results = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<100 {
                group.addTask {
                    do {
                        // Every tenth has a digest that the table's CHECK refuses, after a good one was
                        // written.
                        let good = (ContentDigest.of("\(index)").text, 1)
                        try await ledger.writer.perform(
                            AddBlobs(blobs: index % 10 == 0 ? [good, ("short", 1)] : [good], now: now))
                        return true
                    } catch {
                        return false
                    }
                }
            }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(results.filter { $0 }.count == 90)
        #expect(try bench.query("SELECT count(*) FROM blob") == [[.integer(90)]])
    }

    @Test("bulk that waits is bounded in bytes, what is beyond is told to come again; control verbs still pass")
    func bulkBound() async throws {
        struct Slow: LedgerVerb {
            let gate: DispatchSemaphore
            let began: @Sendable () -> Void
            func run(_ db: Database) throws {
                began()
                gate.wait()
            }
        }
        let bench = try LedgerBench()
        let (writer, now) = (bench.ledger.writer, bench.now)
        let gate = DispatchSemaphore(value: 0)
        let seen = NoteWorkersSeen(workers: [], now: now)
        let results = Mutex<[String]>([])
        let all = DispatchGroup()
        func submit(_ name: String, _ priority: LedgerWriter.Priority, bytes: Int) {
            all.enter()
            writer.submit(seen, priority, bytes: bytes) { result in
                let code: LedgerError.Code? =
                    if case .failure(let error as LedgerError) = result { error.code } else { nil }
                results.withLock { $0.append("\(name) \(code.map { "\($0)" } ?? "stored")") }
                all.leave()
            }
        }
        await withCheckedContinuation { continuation in
            writer.submit(Slow(gate: gate, began: { continuation.resume() })) { _ in }
        }
        for name in ["first", "second", "third"] { submit(name, .bulk, bytes: 40 << 20) }
        submit("control", .control, bytes: 0)
        #expect(results.withLock { $0 } == ["third closed"], "refused at once; the others wait")
        gate.signal()
        await withCheckedContinuation { continuation in all.notify(queue: .global()) { continuation.resume() } }
        #expect(results.withLock { $0 } == ["third closed", "control stored", "first stored", "second stored"])
    }

    @Test("a second coordinator on the folder is refused by name, and nothing survives it but the ledger")
    func lock() async throws {
        let bench = try LedgerBench()
        let error = #expect(throws: LedgerError.self) { try Ledger(folder: bench.folder) { _ in } }
        #expect(error?.code == .locked && error?.message.contains(bench.folder) == true)
    }

    @Test("a restart keeps everything: jobs, open attempts, exchange numbers, inputs")
    func restart() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a", "b", "c"]).changes.map(\.row)
        _ = try await bench.register("one")
        let claim = try await bench.exchange("one", claim: [rows[0]], number: 7).claims[0]
        let id = bench.ledger.id
        try bench.reopen()
        #expect(bench.ledger.id == id && bench.ledger.epoch == 1)
        let snapshot = try await bench.ledger.snapshot(at: bench.now)
        #expect(snapshot.waiting.map(\.row) == [rows[1], rows[2]])
        #expect(snapshot.open.map(\.token) == [claim.token])
        #expect(snapshot.workers.map(\.exchanges) == [[7]])
        #expect(try await bench.report("one", claim.token, .finished(position: 0)) == .accepted)
    }

    @Test("a launch sent again with its key adds nothing; the same key with another content is refused")
    func launchKeys() async throws {
        let bench = try LedgerBench()
        let first = try await bench.launch(["a", "b"], key: "0123456789abcdef")
        let again = try await bench.launch(["a", "b"], key: "0123456789abcdef")
        #expect(first.added == 2 && again.added == 2 && again.changes.isEmpty)
        await #expect(throws: LaunchSweep.keyReused) { try await bench.launch(["c"], key: "0123456789abcdef") }
        let more = try await bench.launch(["b", "c"])
        #expect(more.added == 1 && more.jobs == 3)
        let shared = try await bench.launch(["a", "z"], sweep: "other")
        #expect(shared.added == 2 && shared.shared == 1)
        #expect(try bench.query("SELECT count(*) FROM jobs") == [[.integer(4)]])
        #expect(try bench.query("SELECT count(*) FROM members") == [[.integer(5)]])
        #expect(try await bench.ledger.sweeps(named: "other").first?.states == ["waiting": 2])
    }

    @Test(
        "users' SQL reads the public tables and nothing else",
        arguments: [
            "SELECT * FROM token", "SELECT hash FROM token t", "PRAGMA journal_mode", "ATTACH ':memory:' AS x",
            "DELETE FROM job", "SELECT 1; SELECT 2", "CREATE TEMP TABLE t (x)", "SELECT load_extension('x')", "",
            "nonsense",
            "SELECT * FROM pragma_table_info('job')", "BEGIN", "SELECT reply FROM exchange",
        ])
    func queryFence(sql: String) async throws {
        let bench = try LedgerBench()
        let error = #expect(throws: LedgerError.self) { try bench.query(sql) }
        #expect(error?.code == .query)
    }

    @Test("a query has a limit of rows and of time")
    func queryLimits() async throws {
        let bench = try LedgerBench()
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
        let cut = try ReadOnlyQuery(path: bench.ledger.path, mostRows: 5).run("\(endless) i FROM n")
        #expect(cut.rows.count == 5 && cut.isTruncated)
        let error = #expect(throws: LedgerError.self) {
            try ReadOnlyQuery(path: bench.ledger.path, milliseconds: 50).run("\(endless) max(i) FROM n")
        }
        #expect(error?.message.contains("time") == true)
    }

    @Test("an upload goes on after a restart, a wrong content is refused and may be sent again")
    func uploads() async throws {
        let bench = try LedgerBench()
        let size = BlobStore.chunkBytes + 1000
        let bytes = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        let digest = ContentDigest.of(bytes)
        let chunks = [bytes.prefix(BlobStore.chunkBytes), bytes.suffix(1000)].map { Data($0) }
        func put(_ index: Int, _ data: Data) throws -> BlobStore.Status {
            try bench.ledger.blobs.put(digest, index: index, checksum: CRC32C.of(data), bytes: data)
        }
        #expect(try bench.ledger.blobs.begin(digest, bytes: size) == .open(bytes: size, missing: [0, 1]))
        #expect(try put(1, chunks[1]) == .open(bytes: size, missing: [0]))
        try bench.reopen()
        #expect(try bench.ledger.blobs.begin(digest, bytes: size) == .open(bytes: size, missing: [0]))
        #expect(throws: LedgerError.self) { try bench.ledger.blobs.seal(digest) }
        #expect(throws: LedgerError.self) {
            try bench.ledger.blobs.put(digest, index: 0, checksum: 1, bytes: chunks[0])
        }
        var wrong = chunks[0]
        wrong[5] ^= 1
        _ = try put(0, wrong)
        #expect(throws: LedgerError.self) { try bench.ledger.blobs.seal(digest) }
        #expect(try bench.ledger.blobs.begin(digest, bytes: size) == .open(bytes: size, missing: [0, 1]))
        _ = try put(0, chunks[0])
        _ = try put(1, chunks[1])
        #expect(try bench.ledger.blobs.seal(digest) == size)
        #expect(try bench.ledger.blobs.read(digest, offset: size - 10, count: 100) == bytes.suffix(10))
        #expect(try bench.ledger.blobs.begin(digest, bytes: size) == .complete(bytes: size))
    }

    @Test("garbage: only blobs that nothing refers to go, and only after their grace")
    func collection() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        #expect(try await bench.report("one", token, try await bench.checkpoint(step: 1)) == .accepted)
        let loose = try await bench.blob("loose")
        #expect(try await bench.ledger.collect(now: bench.now).blobs == 0)
        let later = WallTime(milliseconds: bench.now.milliseconds + AddBlobs.graceMilliseconds + 1)
        #expect(try await bench.ledger.collect(now: later).blobs == 1)
        #expect(try bench.ledger.blobs.size(try #require(ContentDigest(loose))) == nil)
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("garbage: a file that no row names goes after a day, as after a crash between file and row")
    func orphans() async throws {
        let bench = try LedgerBench()
        let kept = try await bench.blob("kept")
        let bytes = Data("orphan".utf8)
        let digest = ContentDigest.of(Array(bytes))
        let blobs = bench.ledger.blobs
        _ = try blobs.begin(digest, bytes: bytes.count)
        _ = try blobs.put(digest, index: 0, checksum: CRC32C.of(Array(bytes)), bytes: bytes)
        #expect(try blobs.seal(digest) == bytes.count)
        // Ages of files are of the real disk.
        let day: Int64 = 24 * 3600 * 1000
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        try await bench.ledger.writer.perform(AddBlobs(blobs: [(kept, 4)], now: WallTime(milliseconds: now + 2 * day)))
        #expect(try await bench.ledger.collect(now: WallTime(milliseconds: now)).blobs == 0)
        #expect(try blobs.size(digest) == bytes.count)
        #expect(try await bench.ledger.collect(now: WallTime(milliseconds: now + day + 60_000)).blobs == 1)
        #expect(try blobs.size(digest) == nil)
        #expect(try blobs.size(try #require(ContentDigest(kept))) != nil)
    }

    @Test("a backup is a whole ledger of its own")
    func backup() async throws {
        let bench = try LedgerBench()
        try await bench.launch(["a", "b"])
        let (path, bytes) = try await bench.ledger.backup(now: bench.now)
        #expect(bytes > 0)
        #expect(try ReadOnlyQuery(path: path).run("SELECT count(*) FROM jobs").rows == [[.integer(2)]])
    }
}
