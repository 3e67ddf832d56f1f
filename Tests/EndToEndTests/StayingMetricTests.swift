import Foundation
import TestSupport
import Testing

/// Programs that measure images, kept by a real worker from attempt to attempt.
@Suite("Measuring programs that stay", .serialized)
struct StayingMetricTests {
    /// Answers with the size of each image; tells when it is started, with its process.
    private static let program = """
        import json, os, sys
        open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            question = json.loads(line)
            value = os.path.getsize(question["image"])
            print(json.dumps({"id": question["id"], "value": value}), flush=True)
        """

    private func isThere(_ process: Int32) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        // One that has ended may wait for whoever started it to look.
        return stat.split(separator: ")").last?.split(separator: " ").first != "Z"
    }

    @Test("one start for all jobs of a slot; nothing is left of a worker that was killed", .timeLimit(.minutes(15)))
    func jobs() throws {
        let house = try House()
        try house.startCoordinator()
        let folder = house.folder.path
        try Self.program.write(toFile: folder + "/size.py", atomically: true, encoding: .utf8)
        try "printf %0$((10 + $2))d 0 > \"$1/one.png\"\n".write(
            toFile: folder + "/train.sh", atomically: true, encoding: .utf8)
        func file(_ seeds: String) throws -> String {
            try house.folder.write(
                "sized.yaml",
                """
                name: sized
                trainer: { command: [sh, "\(folder)/train.sh", "{out}", "{seed}"], samples: [ { glob: "{out}/*.png" } ] }
                metrics: { size: { better: higher, command: [python3, "\(folder)/size.py", "\(folder)/starts"] } }
                seeds: [\(seeds)]
                groups: [ { grid: { x: [1] } } ]
                """)
        }
        try #require(try house.radiata(["launch", try file("1, 2, 3, 4")]).status == 0)
        let worker = try house.startWorker("worker")
        func measured(_ count: Int) throws {
            try house.eventually("\(count) jobs are measured") {
                let jobs = try house.query("SELECT kind, state, failure, message FROM jobs")
                let isDone = jobs.count == 2 * count && jobs.allSatisfy { $0["state"] as? String == "done" }
                return isDone ? nil : "\(jobs)"
            }
        }
        func starts() throws -> [Int32] {
            try String(contentsOfFile: folder + "/starts", encoding: .utf8).split(separator: "\n")
                .compactMap { Int32($0) }
        }
        try measured(4)
        #expect(
            try house.query("SELECT value FROM results WHERE metric = 'size' ORDER BY value")
                .compactMap { ($0["value"] as? NSNumber)?.intValue } == [11, 12, 13, 14])
        let program = try #require(try starts().first)
        #expect(try starts() == [program] && isThere(program))
        house.slay(worker)
        try house.eventually("the program has ended with its worker") { isThere(program) ? "\(program) runs" : nil }
        // The next worker of the folder has one of its own, and ends it when it stops.
        try #require(try house.radiata(["launch", try file("1, 2, 3, 4, 5"), "--yes"]).status == 0)
        let next = try house.startWorker("worker")
        try measured(5)
        let second = try #require(try starts().last)
        #expect(try starts().count == 2 && isThere(second))
        kill(next.processIdentifier, SIGTERM)
        next.waitUntilExit()
        #expect(next.terminationStatus == 0)
        try house.eventually("the program has ended with its worker") { isThere(second) ? "\(second) runs" : nil }
    }
}
