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

    @Test("SQL statements stand in the ledger only")
    func sqlStaysInTheLedger() throws {
        let pattern = #/"(SELECT|INSERT|UPDATE|DELETE) [^"]* (FROM|INTO|SET) /#
        let offenders = try SourceTree.swiftFiles(in: ["Sources", "coordinator", "worker"])
            // The simulator's checker shares nothing with the ledger it checks, so it has its own.
            .filter { file in
                !["/SweepLedger/", "/RadiataCLI/", "/ClusterSimulator/"].contains { file.path.contains($0) }
            }
            .filter { try String(contentsOf: $0, encoding: .utf8).contains(pattern) }
        #expect(offenders.isEmpty, "\(offenders.map(\.lastPathComponent))")
    }
}
