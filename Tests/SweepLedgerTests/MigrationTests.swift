import Foundation
import GRDB
import Ports
import SweepLedger
import SweepModel
import Testing

/// Ledgers of every schema that ever was, as text: `Fixtures/make_ledger.sh` makes them.
@Suite("Older and newer ledgers")
struct MigrationTests {
    private static let newest = 22

    @Test(
        "a ledger of schema 1 is brought up to date, kept beside it as it was, and goes on",
        arguments: ["", "DROP TABLE audit"])
    func older(change: String) async throws {
        let place = try LedgerPlace()
        try place.fill("ledger-1", change)
        let ledger = try place.open()
        #expect(try place.ask("PRAGMA user_version") == ["\(Self.newest)"])
        #expect(
            try place.ask("SELECT state FROM jobs ORDER BY parameters") == ["done", "running", "failed", "waiting"])
        #expect(try await ledger.check().findings.filter { !$0.contains("its file is gone") } == [])
        let copies = try FileManager.default.contentsOfDirectory(atPath: place.folder + "/backups")
        let copy = try #require(copies.first.map { "\(place.folder)/backups/\($0)" })
        #expect(copies.count == 1 && copy.contains("schema-1"))
        #expect(try place.ask("PRAGMA user_version", copy) == ["1"])
        #expect(try place.ask("PRAGMA integrity_check", copy) == ["ok"])
        #expect(try place.ask("SELECT count(*) FROM jobs", copy) == ["4"])

        // The attempt that ran when the old program ended goes on, and the job that waits is claimed.
        let snapshot = try await ledger.snapshot(at: WallTime(milliseconds: 0))
        let open = try #require(snapshot.open.first)
        let waiting = try #require(snapshot.waiting.first)
        let now = WallTime(milliseconds: 1_800_000_000_000)
        let outcome = try await ledger.writer.perform(
            ExchangeVerb(
                session: open.session, worker: open.worker, number: 100,
                reports: [Report(token: open.token, .finished(position: 3))], candidates: [waiting.row],
                ledgerID: ledger.id, epoch: ledger.epoch, now: now))
        #expect(outcome.outcomes == [.accepted] && outcome.claims.count == 1)
        let shape = try place.shape()
        ledger.close()

        // Once more: nothing to do, no second copy.
        try place.open().close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.folder + "/backups").count == 1)
        let fresh = try LedgerPlace()
        try fresh.open().close()
        #expect(shape == (try fresh.shape()))
    }

    @Test("killed anywhere in the middle it is the old ledger still, and the next start brings it up to date")
    func killed() async throws {
        let place = try LedgerPlace()
        try place.fill("ledger-1")
        let folder = place.folder
        let points = ["ledger.migration-begins"] + (1...24).map { "ledger.migration-step:\($0)" }
        for point in points {
            await #expect(processExitsWith: .signal(SIGKILL), "\(point)") {
                [folder = folder as String, point = point as String] in
                setenv("RADIATA_FAULTS", "1", 1)
                setenv("RADIATA_CRASH", point, 1)
                _ = try Ledger(folder: folder) { _ in }
            }
            #expect(try place.ask("PRAGMA user_version") == ["1"], "\(point)")
            #expect(try place.ask("SELECT count(*) FROM sqlite_master WHERE name = 'worker_owner'") == ["0"])
        }
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
            setenv("RADIATA_FAULTS", "1", 1)
            setenv("RADIATA_CRASH", "ledger.migrated", 1)
            _ = try Ledger(folder: folder) { _ in }
        }
        #expect(try place.ask("PRAGMA user_version") == ["\(Self.newest)"])
        let ledger = try place.open()
        #expect(try await ledger.check().findings.filter { !$0.contains("its file is gone") } == [])
        ledger.close()
    }

    @Test("a newer ledger is refused with what to do, and not touched")
    func newer() throws {
        let place = try LedgerPlace()
        try place.open().close()
        // The closed ledger's readers may still be on their way out.
        var configuration = Configuration()
        configuration.busyMode = .timeout(60)
        let queue = try DatabaseQueue(path: place.path, configuration: configuration)
        try queue.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA user_version = \(Self.newest + 1)") }
        try queue.close()
        let error = #expect(throws: LedgerError.self) { try place.open() }
        #expect(error?.code == .newerSchema)
        #expect(error?.message.contains(place.path) == true && error?.message.contains("newer radiata") == true)
        #expect(try place.ask("PRAGMA user_version") == ["\(Self.newest + 1)"])
    }

    @Test("another program's database is refused by name")
    func foreign() throws {
        let place = try LedgerPlace()
        let queue = try DatabaseQueue(path: place.path)
        try queue.write { db in try db.execute(sql: "CREATE TABLE note (text TEXT)") }
        try queue.close()
        let error = #expect(throws: LedgerError.self) { try place.open() }
        #expect(error?.code == .notALedger && error?.message.contains(place.path) == true)
        #expect(try place.ask("SELECT name FROM sqlite_master") == ["note"])
    }

    @Test("an old ledger without its tables is refused and stays as it is")
    func damaged() throws {
        let place = try LedgerPlace()
        try place.fill(
            "ledger-1", "DROP VIEW jobs; DROP VIEW artifacts; DROP TABLE artifact; ALTER TABLE job RENAME TO lost")
        let error = #expect(throws: LedgerError.self) { try place.open() }
        #expect(error?.code == .notALedger && error?.message.contains("Nothing was changed") == true)
        #expect(try place.ask("PRAGMA user_version") == ["1"])
    }
}
