import Foundation
import Glibc
import TestSupport
import Testing

/// Inputs on their way: said before, resumed after a cut, fetched once by the workers of one machine. What is
/// sent is counted by the kernel: bytes that the coordinator reads.
@Suite("Inputs on their way", .serialized)
struct InputTransferTests {
    /// Five chunks of a blob.
    private static let bytes = 40 << 20

    /// Each job holds its data against the digest that coreutils found.
    private func prepare(_ house: House, seeds: String) throws -> (file: String, data: String) {
        let data = house.folder.path + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        var content = Data()
        let random = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
        while content.count < Self.bytes { content += try random.read(upToCount: 1 << 20) ?? Data() }
        try content.prefix(Self.bytes).write(to: URL(filePath: data + "/large.bin"))
        _ = try house.folder.write("data/small.txt", "a cat")
        let digest = try Coreutils.sha256(data + "/large.bin")
        let script = try house.folder.write(
            "trainer.sh",
            """
            echo "\(digest)  $1/large.bin" | sha256sum -c || exit 1
            echo '{"step": 1, "loss": 0.5}' > "$2/m.jsonl"
            """)
        let file = try house.folder.write(
            "sweep.yaml",
            """
            name: inputs
            data: \(data)
            seeds: [\(seeds)]
            trainer:
              command: [sh, "\(script)", "{data}", "{out}", "{lr}"]
              metrics: [ { jsonl: "{out}/m.jsonl" } ]
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """)
        return (file, data)
    }

    /// What the coordinator's process has read so far, in bytes.
    private func read(_ house: House) throws -> Int {
        let number = try #require(house.coordinator?.processIdentifier)
        let text = try String(contentsOfFile: "/proc/\(number)/io", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("rchar: ") })
        return try #require(Int(line.dropFirst(7)))
    }

    private func worker(
        _ house: House, _ name: String, _ options: [String], environment: [String: String] = [:]
    ) throws -> Process {
        try house.start(
            name, ["worker", "run", "--coordinator", house.url, "--threads", "1", "--gpus", "none"] + options,
            environment: environment)
    }

    private func awaitDone(_ house: House, _ count: Int) throws {
        try house.eventually("\(count) jobs are done") {
            let jobs = try house.query("SELECT state, failure, message FROM jobs")
            try #require(!jobs.contains { $0["state"] as? String == "failed" }, "\(jobs)")
            return jobs.filter { $0["state"] as? String == "done" }.count == count ? nil : "\(jobs) \(house.allLogs())"
        }
    }

    @Test("launch says what would be sent, and who has what, before a byte is sent", .timeLimit(.minutes(15)))
    func said() throws {
        let house = try House()
        let (file, data) = try prepare(house, seeds: "1")
        let alone = try house.radiata(["plan", file])
        #expect(alone.status == 0 && alone.output.contains("input \(data): 41.9 MB in 2 files\n"), "\(alone)")
        try house.startCoordinator()
        let before = try read(house)
        let dry = try house.radiata(["launch", file, "--dry-run"])
        #expect(dry.status == 0, "\(dry)")
        #expect(dry.messages.contains("input \(data): 41.9 MB in 2 files; the coordinator has nothing of it"), "\(dry)")
        #expect(dry.messages.contains("to send: 41.9 MB in 2 files"), "\(dry)")
        #expect(try house.count("SELECT count(*) FROM members") == 0)
        #expect(try read(house) - before < 8 << 20)
        let none = try house.radiata(["launch", file, "--dry-run", "--no-upload"])
        #expect(none.messages.contains("to send: 0.0 MB in 0 files"), "\(none)")

        let launched = try house.radiata(["launch", file])
        #expect(launched.status == 0 && launched.messages.contains("to send: 41.9 MB in 2 files"), "\(launched)")
        let worker = try worker(house, "worker", ["--work", house.folder.path + "/work"])
        try awaitDone(house, 1)
        let again = try house.radiata(["launch", file, "--dry-run", "--format", "json"])
        let answer = try #require(
            try JSONSerialization.jsonObject(with: Data(again.output.utf8)) as? [String: Any], "\(again)")
        #expect(answer["sentBytes"] as? Int == 0 && answer["workers"] as? Int == 1, "\(again)")
        let input = try #require((answer["inputs"] as? [[String: Any]])?.first)
        #expect(input["bytes"] as? Int == Self.bytes + 5 && input["missingBytes"] as? Int == 0, "\(again)")
        #expect(input["workers"] as? Int == 1, "\(again)")
        let planned = try house.radiata(["plan", file])
        #expect(
            planned.output.contains("the coordinator has it; 1 of 1 connected workers worked with it before"),
            "\(planned)")
        #expect(worker.isRunning)
    }

    @Test("a fetch that SIGKILL cuts goes on where it was", .timeLimit(.minutes(15)))
    func resumed() throws {
        let house = try House()
        let (file, data) = try prepare(house, seeds: "1")
        try house.startCoordinator()
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        // Else it would be found where it was launched from.
        try FileManager.default.moveItem(atPath: data, toPath: data + "-elsewhere")
        let work = ["--work", house.folder.path + "/work"]
        let cut = try worker(
            house, "cut", work, environment: ["RADIATA_FAULTS": "1", "RADIATA_CRASH": "worker.fetched-piece:3"])
        cut.waitUntilExit()
        try #require(cut.terminationReason == .uncaughtSignal && cut.terminationStatus == SIGKILL)
        let before = try read(house)
        _ = try worker(house, "again", work)
        try awaitDone(house, 1)
        let sent = try read(house) - before
        // Three of five chunks are there, or two and the small file.
        #expect(sent < Self.bytes - (16 << 20) + (4 << 20), "\(sent) bytes were read")
        #expect(house.log("again").contains("a fetch goes on at "), "\(house.log("again"))")
    }

    @Test(
        "workers of one machine fetch once: by a shared cache, or by one work folder; one that is killed hands over",
        .timeLimit(.minutes(15)), arguments: ["cache", "work"])
    func once(_ way: String) throws {
        let house = try House()
        let (file, data) = try prepare(house, seeds: "1, 2, 3")
        try house.startCoordinator()
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        try FileManager.default.moveItem(atPath: data, toPath: data + "-elsewhere")
        func options(_ number: Int) -> [String] {
            way == "work"
                ? ["--work", house.folder.path + "/work"]
                : ["--work", "\(house.folder.path)/work-of-\(number)", "--cache", house.folder.path + "/cache"]
        }
        let before = try read(house)
        let first = try worker(
            house, "first", options(1), environment: ["RADIATA_FAULTS": "1", "RADIATA_CRASH": "worker.fetched-piece:3"])
        let blobs = house.folder.path + (way == "work" ? "/work/blobs" : "/cache")
        try house.eventually("the first fetches") {
            let names = FileManager.default.subpaths(atPath: blobs) ?? []
            return !first.isRunning || names.contains { $0.hasSuffix(".partial") } ? nil : "\(names)"
        }
        let second = try worker(house, "second", options(2))
        let third = try worker(house, "third", options(3))
        first.waitUntilExit()
        #expect(first.terminationReason == .uncaughtSignal, "it was to die at the third piece")
        try awaitDone(house, 3)
        let sent = try read(house) - before
        #expect(sent > Self.bytes / 2 && sent < Self.bytes * 3 / 2, "\(sent) bytes were read")
        #expect(second.isRunning && third.isRunning)
        let large = try #require(FileManager.default.subpaths(atPath: blobs)).filter { name in
            let size = (try? FileManager.default.attributesOfItem(atPath: "\(blobs)/\(name)")[.size] as? Int) ?? 0
            return size == Self.bytes
        }
        #expect(large.count == 1, "\(large)")
    }

    @Test("a folder of another name is found by its digest, and nothing is fetched", .timeLimit(.minutes(15)))
    func foundByDigest() throws {
        let house = try House()
        let (file, data) = try prepare(house, seeds: "1")
        try house.startCoordinator()
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        let store = house.folder.path + "/store"
        try FileManager.default.createDirectory(atPath: store + "/sets/v1", withIntermediateDirectories: true)
        try FileManager.default.moveItem(atPath: data, toPath: store + "/sets/v1/cats")
        let before = try read(house)
        _ = try worker(house, "worker", ["--work", house.folder.path + "/work", "--inputs", store])
        try awaitDone(house, 1)
        #expect(try read(house) - before < 8 << 20)
    }
}
