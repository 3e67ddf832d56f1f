import Foundation
import TestSupport
import Testing

/// Nobody listens to the end: a reader that goes, a disk that is full, a descriptor that was never there.
@Suite("Pipes")
struct PipeTests {
    /// What can be asked without a coordinator.
    static var local: [[String]] {
        [
            ["plan", "FILE"], ["plan", "FILE", "--format", "csv"], ["plan", "FILE", "--format", "json"],
            ["--help"], ["help", "launch"], ["coordinator", "run", "--help"], ["--version"],
            ["coordinator", "openapi"],
            ["--generate-completion-script", "bash"], ["bench", "gemm", "--size", "64"],
            ["bench", "gemm", "--size", "64", "--format", "json"],
        ]
    }

    /// What a coordinator answers; JOB is one that is done.
    static var asked: [[String]] {
        [
            ["status"], ["status", "--format", "json"], ["status", "--watch"], ["status", "SWEEP", "--watch"], ["jobs"],
            ["jobs", "--format", "csv"], ["jobs", "--format", "json"], ["show", "JOB"],
            ["show", "JOB", "--format", "json"],
            ["logs", "JOB"], ["logs", "JOB", "-f"], ["workers"], ["workers", "--format", "json"],
            ["query", "SELECT * FROM metrics"], ["query", "SELECT * FROM metrics", "--format", "csv"],
            ["query", "SELECT * FROM metrics", "--format", "json"], ["export", "SWEEP"],
            ["export", "SWEEP", "--format", "jsonl"], ["report", "SWEEP", "-o", "-"],
            ["report", "SWEEP", "-o", "/dev/stdout"],
            ["launch", "FILE"], ["launch", "FILE", "--format", "json"], ["token", "list"],
            ["token", "create", "--scope", "read"], ["ledger", "check"], ["ledger", "check", "--format", "json"],
            ["ledger", "backup"], ["ledger", "gc"],
        ]
    }

    static let sweep = """
        name: pipes
        trainer:
          command: [sh, -c, "echo hello; echo '{\\"step\\": 1, \\"loss\\": {x}}' > metrics.jsonl"]
          metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
        groups: [ { grid: { x: [1, 2] } } ]

        """

    @Test("a reader that has gone ends a command quietly, with status 0", arguments: local)
    func unread(arguments: [String]) throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("sweep.yaml", Self.sweep)
        try Self.check(arguments.map { $0 == "FILE" ? file : $0 }, environment: [:])
    }

    @Test("the same for everything that a coordinator is asked")
    func unreadAnswers() throws {
        let house = try House()
        try house.startCoordinator()
        _ = try house.startWorker("worker")
        let file = try house.folder.write("sweep.yaml", Self.sweep)
        try #require(try house.radiata(["launch", file]).status == 0)
        try house.eventually("the jobs are done") {
            try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 2 ? nil : "not yet"
        }
        let job = try #require(try house.query("SELECT id FROM jobs")[0]["id"] as? String)
        for arguments in Self.asked {
            try Self.check(
                arguments.map { ["FILE": file, "JOB": job, "SWEEP": "pipes"][$0] ?? $0 },
                environment: ["RADIATA_COORDINATOR": house.url])
        }
        // A line is read, the rest is not.
        let shell = try Self.shell("'\(RadiataProgram.path)' jobs | head -1; echo ${PIPESTATUS[0]}", house.url)
        #expect(shell.output.hasSuffix("\n0\n") && shell.messages.isEmpty, "\(shell)")
    }

    @Test("a full disk and a missing standard output are told, with status 1")
    func unwritable() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("sweep.yaml", Self.sweep)
        for command in ["plan \(file)", "plan \(file) --format json", "--help", "coordinator openapi"] {
            let full = try Self.shell("'\(RadiataProgram.path)' \(command) > /dev/full")
            #expect(full.status == 1 && full.messages.contains("No space left on device"), "\(command): \(full)")
            let closed = try Self.shell("'\(RadiataProgram.path)' \(command) >&-")
            #expect(
                closed.status == 1 && closed.messages.contains("standard output cannot be written"),
                "\(command): \(closed)")
        }
        // Nobody hears the messages; the work is done.
        #expect(
            try Self.shell("'\(RadiataProgram.path)' plan \(file) 2>&- | tail -1").output.contains("2 configurations"))
        // What is opened first does not become standard output.
        let data = folder.path + "/data"
        let run = try Self.shell(
            "timeout 20 '\(RadiataProgram.path)' ledger check --data \(data) <&- >&- 2>&-; echo $?")
        #expect(run.output == "1\n" || run.output == "2\n" || run.output == "3\n", "\(run)")
    }

    @Test("watching in a pipe prints a line a change, and ends with the sweep")
    func watching() throws {
        let house = try House()
        try house.startCoordinator()
        let file = try house.folder.write("sweep.yaml", Self.sweep)
        let nothing = try house.radiata(["status", "--watch"])
        #expect(nothing.status == 0 && nothing.messages.contains("there is no sweep yet"), "\(nothing)")
        try #require(try house.radiata(["launch", file]).status == 0)
        let out = house.folder.path + "/watch.out"
        let watch = try RadiataProgram.start(
            ["status", "--watch"], output: out, messages: house.folder.path + "/watch.err",
            environment: ["RADIATA_COORDINATOR": house.url])
        try house.eventually("the first line") {
            try String(contentsOfFile: out, encoding: .utf8).contains("0/2 done") ? nil : "nothing"
        }
        _ = try house.startWorker("worker")
        watch.waitUntilExit()
        let lines = try String(contentsOfFile: out, encoding: .utf8).split(separator: "\n")
        #expect(watch.terminationStatus == 0)
        #expect(lines.last?.contains("2/2 done") == true && lines.allSatisfy { $0.hasPrefix("pipes ") }, "\(lines)")
        #expect(Set(lines).count == lines.count, "\(lines)")
        let named = try house.radiata(["status", "nobody", "--watch"])
        #expect(named.status == 3, "\(named)")
    }

    @Test("Ctrl-C ends watching at once, with the usual status and nothing else")
    func interrupted() throws {
        let house = try House()
        try house.startCoordinator()
        let file = try house.folder.write("sweep.yaml", Self.sweep)
        try #require(try house.radiata(["launch", file]).status == 0)
        let out = house.folder.path + "/watch.out"
        let messages = house.folder.path + "/watch.err"
        let watch = try RadiataProgram.start(
            ["status", "--watch"], output: out, messages: messages, environment: ["RADIATA_COORDINATOR": house.url])
        try house.eventually("the first line") {
            try String(contentsOfFile: out, encoding: .utf8).contains("0/2 done") ? nil : "nothing"
        }
        kill(watch.processIdentifier, SIGINT)
        watch.waitUntilExit()
        #expect(watch.terminationReason == .exit && watch.terminationStatus == 128 + SIGINT)
        #expect(try String(contentsOfFile: messages, encoding: .utf8).isEmpty)
    }

    /// Runs with a standard output that nobody reads.
    private static func check(_ arguments: [String], environment: [String: String]) throws {
        let folder = try TemporaryFolder()
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let messages = folder.path + "/messages"
        try #require(FileManager.default.createFile(atPath: messages, contents: nil))
        let process = try RadiataProgram.start(
            arguments, output: pipe.fileHandleForWriting, messages: messages, environment: environment)
        process.waitUntilExit()
        let said = try String(contentsOfFile: messages, encoding: .utf8)
        #expect(
            process.terminationReason == .exit && process.terminationStatus == 0,
            "\(arguments): \(process.terminationReason == .exit ? "exit" : "signal") \(process.terminationStatus)\n\(said)"
        )
        for word in ["Fatal", "crash", "Backtrace", "cannot"] { #expect(!said.contains(word), "\(arguments): \(said)") }
    }

    private static func shell(_ command: String, _ url: String = "") throws -> RadiataProgram.Ended {
        let folder = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", command]
        process.environment = RadiataProgram.environment.merging(
            url.isEmpty ? [:] : ["RADIATA_COORDINATOR": url]
        ) { _, new in new
        }
        for file in ["out", "err"] {
            try #require(FileManager.default.createFile(atPath: "\(folder.path)/\(file)", contents: nil))
        }
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: folder.path + "/out"))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: folder.path + "/err"))
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return RadiataProgram.Ended(
            status: process.terminationStatus,
            output: try String(contentsOfFile: folder.path + "/out", encoding: .utf8),
            messages: try String(contentsOfFile: folder.path + "/err", encoding: .utf8))
    }
}
