import CSQLite
import Ports
import TestSupport
import Testing
import TrainerFiles

@Suite("SQLite files of trainers")
struct SQLiteTailTests {
    /// A database that stays open, as a trainer has it.
    private final class Writer {
        private var database: OpaquePointer?

        init(_ path: String) { sqlite3_open(path, &database) }

        deinit { sqlite3_close(database) }

        func run(_ sql: String) { #expect(sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK, "\(sql)") }
    }

    private static let metrics = """
        PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;
        CREATE TABLE steps (step INTEGER PRIMARY KEY, wall_time REAL NOT NULL);
        CREATE TABLE metrics (step INTEGER NOT NULL, key TEXT NOT NULL, value_real REAL, value_text TEXT,
            PRIMARY KEY (step, key), FOREIGN KEY (step) REFERENCES steps(step) ON DELETE CASCADE);
        """

    private func insert(_ steps: ClosedRange<Int>, _ value: Double) -> String {
        steps.map {
            "INSERT INTO steps VALUES (\($0), 0); INSERT INTO metrics VALUES (\($0), 'loss/loss', \(value), NULL);"
        }.joined()
    }

    @Test("what a killed trainer left in its WAL is read, and neither file is touched")
    func leftInWAL() throws {
        let folder = try TemporaryFolder()
        for name in ["loss_log.db", "loss_log.db-wal"] {
            try DiskFiles().writeAtomically(try Fixtures.bytes(name), to: "\(folder.path)/\(name)")
        }
        var tail = SQLiteTail(path: folder.path + "/loss_log.db")
        let reading = try tail.readAll(isComplete: true)
        #expect(reading.points == (try Fixtures.points("sqlite")))
        #expect(reading.faults.map(\.kind) == [.value] && reading.faults[0].count == 10)
        for name in ["loss_log.db", "loss_log.db-wal"] {
            #expect(try DiskFiles().read("\(folder.path)/\(name)", limit: 1 << 20) == (try Fixtures.bytes(name)))
        }
        #expect(try tail.readAll(isComplete: true).points.isEmpty)
    }

    @Test("rows are taken once as they come, and rows that are numbered anew after a deletion too")
    func deletedRows() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/loss_log.db"
        var tail = SQLiteTail(path: path)
        #expect(try tail.readAll().faults.isEmpty, "not there yet")
        let writer = Writer(path)
        writer.run(Self.metrics)
        #expect(try tail.readAll().faults.isEmpty)
        writer.run(insert(1...5, 0.5))
        #expect(try tail.readAll().points.map(\.step) == [1, 2, 3, 4, 5])
        writer.run(insert(6...8, 0.25))
        var later = SQLiteTail(path: path, position: tail.position)
        #expect(try later.readAll().points.map(\.step) == [6, 7, 8])
        #expect(try tail.readAll().points.map(\.step) == [6, 7, 8])
        #expect(try tail.readAll().points.isEmpty)
        // It goes on from step 4: what was above is deleted and written anew, in rows of the same numbers.
        writer.run("DELETE FROM steps WHERE step > 4;" + insert(5...8, 0.125))
        let again = try tail.readAll().points
        let newest = Dictionary(again.map { ($0.step, $0.value) }) { $1 }
        #expect(newest.filter { $0.key > 4 } == [5: 0.125, 6: 0.125, 7: 0.125, 8: 0.125])
        #expect(try tail.readAll().points.isEmpty)
    }

    @Test("a table with a column for each metric; another name of table and step")
    func wide() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/log.db"
        let writer = Writer(path)
        writer.run("CREATE TABLE \"my log\" (iter INTEGER, loss REAL, acc REAL, note TEXT)")
        writer.run("INSERT INTO \"my log\" VALUES (1, 0.5, NULL, 'a'), (2, 0.25, 0.75, NULL)")
        var tail = SQLiteTail(path: path, table: "my log", stepName: "iter")
        let reading = try tail.readAll()
        #expect(
            reading.points == [
                RawPoint(name: "loss", step: 1, value: 0.5), RawPoint(name: "loss", step: 2, value: 0.25),
                RawPoint(name: "acc", step: 2, value: 0.75),
            ])
        #expect(reading.faults.map(\.kind) == [.value])
        var wrong = SQLiteTail(path: path, table: "my log")
        let refused = try wrong.readAll().faults
        #expect(refused.map(\.kind) == [.file] && refused[0].detail.contains("columns: iter, loss, acc, note"))
    }

    @Test("a file that is no database is told by name, a missing table once the trainer has ended")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("loss_log.db", String(repeating: "no database ", count: 400))
        var tail = SQLiteTail(path: path)
        let faults = try tail.readAll().faults
        #expect(faults.map(\.kind) == [.file] && faults[0].detail.contains(path))
        #expect(try tail.readAll().faults.isEmpty)
        let empty = folder.path + "/other.db"
        Writer(empty).run("CREATE TABLE t (x)")
        var other = SQLiteTail(path: empty)
        #expect(try other.readAll().faults.isEmpty)
        #expect(try other.readAll(isComplete: true).faults.map(\.kind) == [.file])
    }
}
