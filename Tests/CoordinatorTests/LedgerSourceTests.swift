import Coordinator
import Foundation
import SweepLedger
import SweepModel
import Testing

@Suite("The coordinator asking itself")
struct LedgerSourceTests {
    @Test("an answer that is cut off is told; a whole one is not")
    func cut() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "radiata-source-\(UUID().uuidString)").path
        defer {
            do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record("\(error)") }
        }
        let ledger = try Ledger(folder: folder) { Issue.record("the ledger died: \($0)") }
        defer { ledger.close() }
        let source = LedgerSource(ledger: ledger)
        let three = "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"
        #expect(try await source.answer(to: three, limit: 3) == [[.integer(1)], [.integer(2)], [.integer(3)]])
        #expect(source.warnings.isEmpty)
        #expect(try await source.answer(to: three, limit: 2).count == 2)
        #expect(source.warnings.count == 1 && source.warnings[0].contains("first 2 rows"))
    }
}
