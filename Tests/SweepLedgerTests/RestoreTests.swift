import Foundation
import Ports
import SweepLedger
import SweepModel
import Testing

@Suite("A backup put in the ledger's place")
struct RestoreTests {
    private let files = DiskFiles()

    @Test("the epoch grows, open attempts are lost, their tokens are no good any more, and the old file is kept")
    func restore() async throws {
        let (bench, token) = try await benchWithBackup()
        try bench.reopen {
            let done = try Ledger.restore(backup: bench.folder + "/backup.db", to: bench.folder, now: bench.now)
            #expect(done.epoch == 2)
            #expect(try files.exists(try #require(done.kept) + "/ledger.db"))
        }
        #expect(bench.ledger.epoch == 2)
        #expect(try bench.query("SELECT count(*) FROM job") == [[.integer(1)]])
        #expect(try bench.query("SELECT outcome FROM attempt") == [[.text("lost")]])
        let answer = try await bench.ledger.writer.perform(
            AppendMetrics(token: token, first: 1, series: [], ledgerID: bench.ledger.id))
        #expect(answer == .superseded)
    }

    @Test("a backup restored twice has two epochs, also where the ledger of the first time is damaged or gone")
    func twice() async throws {
        let (bench, _) = try await benchWithBackup()
        let (path, backup) = (bench.folder + "/ledger.db", bench.folder + "/backup.db")
        var epochs = [1]
        let restore = { epochs.append(try Ledger.restore(backup: backup, to: bench.folder, now: bench.now).epoch) }
        try bench.reopen(after: restore)
        try bench.reopen {
            try files.writeAtomically([UInt8](repeating: 7, count: 9000), to: path)
            try restore()
        }
        try bench.reopen {
            try files.remove(path)
            try restore()
        }
        #expect(Set(epochs).count == 4)
        #expect(epochs[1] == 2)
        #expect(epochs.min() == 1)
    }

    @Test("a backup that lost pages is refused, and the ledger it would have replaced stays", arguments: [1, 2])
    func damaged(part: Int) async throws {
        let (bench, _) = try await benchWithBackup()
        let backup = bench.folder + "/backup.db"
        let whole = try files.read(backup, limit: 1 << 30)
        // A page in the middle never reached the disk; the end did not.
        let middle = whole.count / 2 / 4096 * 4096
        let lost =
            part == 1
            ? Array(whole[..<middle]) + [UInt8](repeating: 0, count: 4096) + Array(whole[(middle + 4096)...])
            : Array(whole[..<middle])
        try files.writeAtomically(lost, to: backup)
        try bench.reopen {
            do {
                _ = try Ledger.restore(backup: backup, to: bench.folder, now: bench.now)
                Issue.record("a damaged backup was restored")
            } catch let error as LedgerError {
                #expect(error.code == .notALedger)
                #expect(error.message.contains(backup))
            }
        }
        #expect(try !files.exists(bench.folder + "/ledger.db.restoring"))
        #expect(bench.ledger.epoch == 1)
        #expect(try bench.query("SELECT count(*) FROM job") == [[.integer(2)]])
    }

    @Test("a restore that was cut off after the old file was moved is finished by the next start")
    func cutOff() async throws {
        let (bench, _) = try await benchWithBackup()
        let path = bench.folder + "/ledger.db"
        try bench.reopen {
            try files.rename(path, to: bench.folder + "/elsewhere.db")
            try files.rename(bench.folder + "/backup.db", to: path + ".restored")
            // The log of the other ledger: with it the restored file would be neither.
            try files.writeAtomically([1, 2, 3], to: path + "-wal")
        }
        #expect(try bench.query("SELECT count(*) FROM job") == [[.integer(1)]])
        #expect(try !files.exists(path + ".restored"))
    }

    /// A ledger with a job and an open attempt, its backup, and another job after that.
    private func benchWithBackup() async throws -> (LedgerBench, AttemptToken) {
        let bench = try LedgerBench()
        let rows = try await bench.launch(["a"]).changes.map(\.row)
        _ = try await bench.register("one")
        let claim = try await bench.exchange("one", claim: [rows[0]]).claims[0]
        try bench.ledger.copyNow(to: bench.folder + "/backup.db")
        try await bench.launch(["b"])
        return (bench, claim.token)
    }
}
