import Ports
import TestSupport
import Testing
import TrainerFiles

@Suite("Statements in a trainer's database")
struct DatabaseStatementTests {
    @Test("statements run in a file that is made; what is wrong with them is told")
    func statements() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/flags.db"
        try DatabaseStatement.run("CREATE TABLE Job (id TEXT, stop INTEGER); INSERT INTO Job VALUES ('a', 0)", in: path)
        try DatabaseStatement.run("UPDATE Job SET stop = 1", in: path)
        let error = #expect(throws: PortsError.self) { try DatabaseStatement.run("UPDATE Jub SET stop = 1", in: path) }
        #expect(error?.message.contains("no such table: Jub") == true)
    }
}
