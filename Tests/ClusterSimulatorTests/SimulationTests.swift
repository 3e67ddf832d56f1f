import Foundation
import Testing

/// The short form of `make simulate`: whole clusters under faults, in a process of their own (hashing must be
/// the same in every run, and SQLite's default file system is replaced).
@Suite("Simulated clusters", .serialized)
struct SimulationTests {
    private struct Ended {
        let status: Int32
        let output: String
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func simulate(_ arguments: [String]) throws -> Ended {
        let program =
            (ProcessInfo.processInfo.environment["RADIATA_BIN"].map { URL(filePath: $0) }
            ?? Self.root.appending(path: ".build/release/radiata")).deletingLastPathComponent()
            .appending(path: "radiata-simulate")
        try #require(FileManager.default.isExecutableFile(atPath: program.path), "\(program.path) is not built")
        let process = Process()
        let pipe = Pipe()
        process.executableURL = program
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Ended(status: process.terminationStatus, output: String(decoding: data, as: UTF8.self))
    }

    @Test("no seed breaks an invariant, and the same seed is the same run", .timeLimit(.minutes(10)))
    func seeds() throws {
        let ended = try simulate(["--seeds", "300", "--seconds", "25"])
        #expect(ended.status == 0, "\(ended.output)")
        #expect(ended.output.contains("violations: 0"), "\(ended.output)")
    }

    @Test("1,000 jobs of one to three GPUs, two slots, four GPUs: no overlap, no starvation", .timeLimit(.minutes(10)))
    func crowd() throws {
        let ended = try simulate(["--crowd", "1000"])
        #expect(ended.status == 0 && ended.output.contains("to its end, violations: 0"), "\(ended.output)")
    }

    @Test("power cuts and disk errors of the coordinator lose nothing that was answered", .timeLimit(.minutes(10)))
    func disk() throws {
        for arguments in [["--power", "150"], ["--errors", "200"]] {
            let ended = try simulate(arguments)
            #expect(ended.status == 0 && ended.output.contains(" 0 violations"), "\(ended.output)")
        }
    }

    @Test("the small model: 20,000 states hold the invariants", .timeLimit(.minutes(10)))
    func smallModel() throws {
        let ended = try simulate(["--exhaustive", "20000"])
        #expect(ended.status == 0 && ended.output.contains("violations: 0"), "\(ended.output)")
        // Those without faults are searched whole (15,885), and then walked through at random.
        #expect(ended.output.contains("whole:") && ended.output.contains("200 random walks"), "\(ended.output)")
    }
}
