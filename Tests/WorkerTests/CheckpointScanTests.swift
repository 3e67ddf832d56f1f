import Foundation
import Glibc
import Ports
import RunSpec
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker

/// A command's folder in which checkpoints appear, and a scan that looks at it.
private final class Bench {
    let folder: TemporaryFolder
    let place: AttemptPlace
    var scan: CheckpointScan
    var now = MonotonicTime.zero
    private var seen: Set<String> = []
    private let plan: AttemptPlan

    init(_ rules: [CommandTrainer.CheckpointRule], name: String = "attempt") throws {
        folder = try TemporaryFolder()
        place = AttemptPlace(path: folder.path + "/" + name)
        try DiskFiles().makeFolder(place.out)
        let job = JobID(ContentDigest.of("job"))
        let trainer = CommandTrainer(command: ["true"], checkpoints: rules)
        let token = AttemptToken(ledger: "l", epoch: 1, job: job, attempt: AttemptNumber(1))
        let resolved = ResolvedJob(
            id: job, configuration: ConfigurationID(job.digest), sweep: try #require(SweepName("sweep")),
            group: "g", trainer: .command(trainer), given: [:], parameters: [:], seed: 1)
        plan = try AttemptPlan(
            Grant(token: token, job: resolved, leaseSeconds: 60), place: place,
            AttemptSurroundings(threads: 1, program: "radiata", environment: [:]))
        scan = CheckpointScan(plan, place: place, files: DiskFiles())
    }

    func path(_ name: String) -> String { place.out + "/" + name }

    func write(_ name: String, _ text: String = "x") throws {
        try DiskFiles().makeFolder(URL(fileURLWithPath: path(name)).deletingLastPathComponent().path)
        try text.write(toFile: path(name), atomically: false, encoding: .utf8)
    }

    func rename(_ from: String, _ to: String) throws { try DiskFiles().rename(path(from), to: path(to)) }

    func running(after seconds: Double = 0, step: Int? = nil) throws -> CheckpointScan.Look {
        now = now + .seconds(seconds)
        return try look(.init(now: now, leader: getpid(), isTrusted: false, newestStep: step))
    }

    func ended(well: Bool, step: Int? = nil) throws -> CheckpointScan.Look {
        try look(.init(now: now, leader: nil, isTrusted: well, newestStep: step))
    }

    /// Another process on the same spool.
    func restart() { scan = CheckpointScan(plan, place: place, files: DiskFiles(), seen: seen) }

    private func look(_ moment: CheckpointScan.Moment) throws -> CheckpointScan.Look {
        let look = try scan.look(moment) { _ in false }
        seen.formUnion(look.found.compactMap(\.record))
        return look
    }
}

extension CheckpointScan.Look {
    fileprivate var names: [String] { found.map(\.name) }
    fileprivate var files: [String] { found.flatMap { $0.manifest.files.map(\.name) } }
    fileprivate var kinds: [AttemptNotice.Kind] { troubles.map(\.kind) }
}

@Suite("Which files are checkpoints, and when")
struct CheckpointScanTests {
    private typealias Rule = CommandTrainer.CheckpointRule
    private static let numbered = Rule(glob: "{out}/ck*", step: "ck-([0-9]+)", kind: .adapter)
    private static let state = Rule(glob: "{out}/state*", step: "state-([0-9]+)", kind: .state)

    @Test("the un-numbered file is final, beside the numbered ones, at the largest step that was logged or saved")
    func finalName() throws {
        let bench = try Bench([Self.numbered])
        for name in ["ck-1.bin", "ck-2.bin", "ck.bin"] { try bench.write(name, name) }
        let look = try bench.ended(well: true, step: 7)
        #expect(look.names == ["step-00000001", "step-00000002", "final-ck.bin"])
        #expect(look.files == ["ck-1.bin", "ck-2.bin", "ck.bin"])
        #expect(look.found.map(\.manifest.step) == [1, 2, 7])
        #expect(look.found.map(\.manifest.final) == [false, false, true])
        let bare = try Bench([Self.numbered])
        for name in ["ck-1.bin", "ck-20.bin", "ck.bin"] { try bare.write(name, name) }
        #expect(try bare.ended(well: true).found.last?.manifest.step == 20)
    }

    @Test("two files of one number are both kept, and told")
    func sameNumber() throws {
        let bench = try Bench([Self.numbered])
        try bench.write("ck-05", "a")
        try bench.write("ck-5", "b")
        let look = try bench.ended(well: true)
        #expect(look.names == ["step-00000005", "step-00000005-ck-5"])
        #expect(look.files == ["ck-05", "ck-5"])
        #expect(look.kinds == [.checkpointNumber])
        // Each is known again by a restarted worker.
        bench.restart()
        #expect(try bench.ended(well: true).names == [])
    }

    @Test("while its trainer runs a match is taken when renamed into place, else after it lay still for its time")
    func quiet() throws {
        let bench = try Bench([Self.state])
        try bench.write("state-1", "half")
        #expect(try bench.running().names == [])
        #expect(try bench.running(after: 29).names == [])
        try bench.write("state-1", "half and half")
        #expect(try bench.running(after: 29).names == [], "it grew")
        #expect(try bench.running(after: 31).names == ["state-00000001"])
        #expect(try bench.running(after: 31).names == [])
        try bench.write("part", "whole")
        try bench.rename("part", "state-2")
        #expect(try bench.running().names == ["state-00000002"])
        // A folder too.
        try bench.write("tmp/a", "whole")
        try bench.rename("tmp", "state-3")
        #expect(try bench.running().files == ["state-3/a"])
    }

    @Test("a shorter time may be named; after a clean exit nothing is waited for")
    func shortQuiet() throws {
        let bench = try Bench([Rule(glob: "{out}/state*", step: "state-([0-9]+)", kind: .state, quiet: 0.5)])
        try bench.write("state-1")
        #expect(try bench.running().names == [])
        #expect(try bench.running(after: 0.6).names == ["state-00000001"])
        try bench.write("state-2")
        #expect(try bench.ended(well: false).names == [], "half of it may be there")
        #expect(try bench.ended(well: true).names == ["state-00000002"])
    }

    @Test("never while a process holds a file of it open for writing; reading does not matter")
    func openForWriting() throws {
        let bench = try Bench([Self.state])
        try bench.write("state-1/a")
        let writer = Process()
        writer.executableURL = URL(fileURLWithPath: "/bin/sh")
        writer.arguments = ["-c", "exec 3>>\"$0\"; echo ready; read line", bench.path("state-1/a")]
        let (input, output) = (Pipe(), Pipe())
        writer.standardInput = input
        writer.standardOutput = output
        try writer.run()
        #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == "ready\n")
        #expect(OpenFiles.isBeingWritten(BytePath(bench.path("state-1"))))
        _ = try bench.running()
        #expect(try bench.running(after: 60).names == [])
        input.fileHandleForWriting.write(Data("go\n".utf8))
        writer.waitUntilExit()
        let reader = try OpenFile(reading: bench.path("state-1/a"))
        #expect(try bench.running(after: 2).names == ["state-00000001"])
        withExtendedLifetime(reader) {}
    }

    @Test("a rule's marker decides, inside a folder or beside a file")
    func marker() throws {
        let bench = try Bench([
            Rule(glob: "{out}/state*", step: "state-([0-9]+)", kind: .state, complete: "DONE", quiet: 1),
            Rule(glob: "{out}/ck-?.bin", step: "ck-([0-9]+)", kind: .adapter, complete: ".ok"),
        ])
        try bench.write("state-1/a")
        try bench.write("ck-1.bin")
        _ = try bench.running()
        #expect(try bench.running(after: 100).names == [])
        try bench.write("state-1/DONE")
        try bench.write("ck-1.bin.ok")
        #expect(Set(try bench.running().names) == ["state-00000001", "step-00000001"])
    }

    @Test("what is taken by its marker is whole, whenever it is looked at")
    func markerInTheMiddle() async throws {
        let bench = try Bench([
            Rule(glob: "{out}/state*", step: "state-([0-9]+)", kind: .state, complete: "DONE", quiet: 1)
        ])
        let count = 400
        let writing = Task { [out = bench.place.out] in
            for number in 1...count {
                let folder = "\(out)/state-\(number)"
                mkdir(folder, 0o700)
                for name in ["a", "b", "c", "d", "DONE"] {
                    let file = open("\(folder)/\(name)", O_CREAT | O_WRONLY, 0o600)
                    if file >= 0 { close(file) }
                }
            }
        }
        var taken: [String: Int] = [:]
        while taken.count < count {
            // Long after the last look: who writes for a moment is not waited for.
            for found in try bench.running(after: 2).found { taken[found.name] = found.manifest.files.count }
            await Task.yield()
        }
        await writing.value
        #expect(taken.values.allSatisfy { $0 == 5 }, "\(taken.filter { $0.value != 5 })")
    }

    @Test("a state written again in place is taken again; one that is not whole at a bad end is taken back")
    func changedState() throws {
        let bench = try Bench([Rule(glob: "{out}/last", step: nil, kind: .state, quiet: 1)])
        try bench.write("last/a", "one")
        _ = try bench.running(step: 10)
        #expect(try bench.running(after: 2, step: 12).names == ["state-last"])
        try bench.write("last/a", "another")
        #expect(try bench.running(after: 0.1).names == [])
        #expect(try bench.running(after: 2).names == ["state-last"])
        try bench.write("last/a", "half of a th")
        let end = try bench.ended(well: false)
        #expect(end.names == ["state-last"] && end.files == [])
        #expect(end.kinds == [.stateChanged])
        #expect(try bench.ended(well: false).names == [], "once")
    }

    @Test("a state without a number has the step that was logged when it was written")
    func stateStep() throws {
        let bench = try Bench([Rule(glob: "{out}/state*", step: "state-([0-9]+)", kind: .state, quiet: 5)])
        try bench.write("state", "at 10")
        _ = try bench.running(step: 10)
        let look = try bench.running(after: 6, step: 99)
        #expect(look.found.map(\.manifest.step) == [10])
        #expect(look.names == ["state-state"])
    }

    @Test(
        "links are followed: relative, in folders, out to a file; dead ones, circles and ways out to folders are told")
    func links() throws {
        let bench = try Bench([Self.numbered])
        try bench.write("ck-2", "two")
        try DiskFiles().makeFolder(bench.folder.path + "/outside")
        _ = try bench.folder.write("outside/file", "o")
        let out = bench.folder.path + "/outside"
        #expect(symlink("ck-2", bench.path("ck-99")) == 0)
        try bench.write("ck-3/w.bin", "three")
        #expect(symlink("w.bin", bench.path("ck-3/last")) == 0)
        #expect(symlink(".", bench.path("ck-3/loop")) == 0)
        #expect(symlink("nowhere", bench.path("ck-3/dead")) == 0)
        #expect(symlink(out + "/file", bench.path("ck-3/ext")) == 0)
        #expect(symlink(out, bench.path("ck-3/way")) == 0)
        #expect(symlink("ck-5", bench.path("ck-5")) == 0)
        let look = try bench.ended(well: true)
        #expect(look.files == ["ck-2", "ck-3/ext", "ck-3/last", "ck-3/w.bin", "ck-99"])
        #expect(look.kinds == Array(repeating: .checkpointLink, count: 4))
    }

    @Test("pipes, sockets and devices are never opened")
    func special() throws {
        let bench = try Bench([Self.numbered, Self.state])
        #expect(mkfifo(bench.path("ck-1"), 0o600) == 0)
        try bench.write("state-1/a")
        #expect(mkfifo(bench.path("state-1/pipe"), 0o600) == 0)
        #expect(symlink("/dev/zero", bench.path("ck-2")) == 0)
        let look = try bench.ended(well: true)
        #expect(look.files == ["state-1/a"])
        #expect(look.kinds == Array(repeating: .checkpointSpecial, count: 3))
        #expect(throws: PortsError.self) { try OpenFile(reading: bench.path("ck-1")) }
    }

    @Test("names are bytes: spaces, brackets, umlauts, both forms of one letter, and what is no UTF-8")
    func oddNames() throws {
        let bench = try Bench([Rule(glob: "{out}/ck*", step: "ck-([0-9]+)", kind: .adapter)], name: "with [a] *")
        for name in ["ck-1 [end].bin", "ck-2 ü.bin", "ck-3 caf\u{E9}", "ck-3 cafe\u{301}"] {
            try bench.write(name, name)
        }
        let latin = Array(bench.path("ck-4 caf").utf8) + [0xE9]
        let file = BytePath(latin)
        try bench.write("part", "x")
        let target = latin.map { CChar(bitPattern: $0) } + [0]
        #expect(Glibc.rename(bench.path("part"), target) == 0)
        let look = try bench.ended(well: true)
        let wanted = ["ck-1 [end].bin", "ck-2 ü.bin", "ck-3 cafe\u{301}", "ck-3 caf\u{E9}", "ck-4 caf%E9"]
        #expect(look.files.map { Array($0.utf8) } == wanted.map { Array($0.utf8) })
        #expect(Set(look.names).count == 5 && look.names.allSatisfy { SafeName.isName($0) })
        #expect(look.found.last?.paths == [file])
        bench.restart()
        #expect(try bench.ended(well: true).names == [])
    }
}
