import Foundation
import Testing

/// Compares every `import` line of the sources with the module table of docs/explanation/architecture.md.
///
/// SwiftPM's own check refuses undeclared sibling targets only; this one covers packages and system libraries too.
@Suite("Layering")
struct LayeringTests {
    @Test("every module imports only what the table allows", arguments: ModuleTable.modules)
    func importsAreAllowed(module: ModuleTable.Module) throws {
        let allowed = ModuleTable.freeForAll.union(module.mayImport)
        for line in try SourceTree.importLines(in: module.folder) {
            #expect(allowed.contains(line.module), "\(line.file):\(line.number) imports \(line.module)")
        }
    }

    @Test("every source folder is in the table")
    func tableIsComplete() throws {
        let folders = try SourceTree.moduleFolders()
        #expect(Set(folders) == Set(ModuleTable.modules.map(\.folder)))
    }

    @Test("no source or test reaches into another module with @testable")
    func noTestableImports() throws {
        let offenders = try SourceTree.swiftFiles(in: ["Sources", "coordinator", "worker", "Tests"]).filter { file in
            try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
                .contains { $0.hasPrefix("@testable import") }
        }
        #expect(offenders.isEmpty)
    }

    @Test("SQL statements stand in the ledger and among the public queries only")
    func sqlStaysInTheLedger() throws {
        let offenders = try SourceTree.swiftFiles(in: ["Sources", "coordinator", "worker"])
            // The simulator's checks share nothing with the ledger that they check, so they have their own.
            .filter { file in
                !["/SweepLedger/", "/ClusterSimulator/", "/PublicQueries"].contains { file.path.contains($0) }
            }
            .filter { Self.holdsSQL(try String(contentsOf: $0, encoding: .utf8)) }
        #expect(offenders.isEmpty, "\(offenders.map(\.lastPathComponent))")
    }

    @Test(
        "SQL is found in every kind of literal",
        arguments: [
            (#"let sql = "SELECT a FROM t""#, true), (##"let sql = #"DELETE FROM t"#"##, true),
            ("let sql = \"\"\"\n    SELECT a, b,\n        c\n    FROM t\n    \"\"\"", true),
            (#"let sql = "UPDATE t SET a = 1""#, true), (#"let sql = "INSERT INTO t (a) VALUES (1)""#, true),
            (#"let sql = "WITH RECURSIVE k(a) AS (VALUES (1)) TABLE k""#, true),
            (#"let help = "One SELECT statement.""#, false), (#"let text = "selected from the list""#, false),
        ])
    func findsSQL(text: String, isSQL: Bool) { #expect(Self.holdsSQL(text) == isSQL) }

    /// Keywords in capitals that belong together, wherever they are written.
    private static func holdsSQL(_ text: String) -> Bool {
        text.contains(
            #/\bSELECT\b(?:(?!\b(?:func|let|var)\b)[\s\S]){1,600}?\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+\w+\s+SET\b|\bDELETE\s+FROM\b|\bWITH\s+RECURSIVE\b/#
        )
    }
}
