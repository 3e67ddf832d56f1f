import Foundation
import TestSupport
import Testing

/// Bugs made on purpose are in the simulator's own build (`make mutants`) and nowhere else.
@Suite("Mutants")
struct MutantTests {
    /// The names at their sites in the sources.
    private static func sites() throws -> Set<String> {
        var names: Set<String> = []
        for folder in ["Sources", "coordinator", "worker"] {
            let base = RadiataProgram.root.appending(path: folder)
            for path in try FileManager.default.subpathsOfDirectory(atPath: base.path) where path.hasSuffix(".swift") {
                let text = try String(contentsOf: base.appending(path: path), encoding: .utf8)
                for match in text.matches(of: /(?:Mutant\.isOn|\.mutant)\(\s*"([a-z-]+)"/) {
                    names.insert(String(match.1))
                }
            }
        }
        return names
    }

    @Test("every mutant that stands in the code is in the simulator's list, and every one of the list in the code")
    func list() throws {
        let source = RadiataProgram.root.appending(path: "Sources/ClusterSimulator/Mutants.swift")
        let text = try String(contentsOf: source, encoding: .utf8).prefix { $0 != "]" }
        let listed = text.matches(of: /"([a-z-]+)"/).map { String($0.1) }
        #expect(Set(listed) == (try Self.sites()))
        #expect(listed.count >= 35)
    }

    @Test("the program that is shipped holds none, not even their names, and reads no variable that asks for one")
    func shipped() throws {
        let program = try Data(contentsOf: URL(filePath: RadiataProgram.path), options: .mappedIfSafe)
        let names = try Self.sites()
        #expect(names.count >= 35)
        for text in names.sorted() + ["RADIATA_BUGS", "RADIATA_MUTANTS"] {
            #expect(program.range(of: Data(text.utf8)) == nil, "\(text)")
        }
        // The search finds what is there.
        #expect(program.range(of: Data("RADIATA_FAULTS".utf8)) != nil)
    }
}
