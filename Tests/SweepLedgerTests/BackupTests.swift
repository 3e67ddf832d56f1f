import Ports
import SweepLedger
import Testing

@Suite("Backups by themselves")
struct BackupTests {
    private static func at(_ hours: Double) -> WallTime { WallTime(milliseconds: Int64(hours * 3_600_000)) }

    @Test("one is made when the newest is old enough, the newest few stay, and other files are left alone")
    func paced() async throws {
        let place = try LedgerPlace()
        let files = DiskFiles()
        let ledger = try Ledger(folder: place.folder) { Issue.record("\($0)") }
        try files.makeFolder(place.folder + "/backups", mode: 0o700)
        for name in ["schema-3-7.db", "ledger-mine.db"] {
            try files.writeAtomically([1], to: "\(place.folder)/backups/\(name)", mode: 0o600)
        }
        func due(_ hours: Double) async throws -> Bool {
            try await ledger.backupIfDue(every: .seconds(6 * 3600), keep: 2, now: Self.at(hours)) != nil
        }
        var made: [Bool] = []
        for hours in [1.0, 2, 6.9, 7, 13, 19, 20] { made.append(try await due(hours)) }
        #expect(made == [true, false, false, true, true, true, false])
        #expect(try ledger.backups().map(\.at) == [Self.at(19), Self.at(13)].map(\.milliseconds))
        let names = Set(try files.list(place.folder + "/backups"))
        #expect(names.isSuperset(of: ["schema-3-7.db", "ledger-mine.db"]) && names.count == 4)
        // Each is a ledger of its own.
        let newest = try #require(try ledger.backups().first)
        #expect(try place.ask("PRAGMA integrity_check", newest.path) == ["ok"])
        ledger.close()
    }

    @Test("a clock that was set back does not put off the next one")
    func clockSetBack() async throws {
        let place = try LedgerPlace()
        let ledger = try Ledger(folder: place.folder) { Issue.record("\($0)") }
        _ = try await ledger.backupIfDue(every: .seconds(3600), keep: 3, now: Self.at(100))
        #expect(try await ledger.backupIfDue(every: .seconds(3600), keep: 3, now: Self.at(50)) != nil)
        ledger.close()
    }
}
