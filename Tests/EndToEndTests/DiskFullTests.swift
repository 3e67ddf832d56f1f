import Foundation
import TestSupport
import Testing

/// A disk that is full to the last byte: one clear message, nothing lost, and everything goes on once there
/// is space.
@Suite("Full disks", .serialized, .enabled(if: SmallDisk.refusal == nil, "\(SmallDisk.refusal ?? "")"))
struct DiskFullTests {
    private func expectComplete(_ house: House) throws {
        try house.eventually("the job is done") {
            let jobs = try house.query("SELECT state, attempts, failure, message FROM jobs")
            return jobs.allSatisfy { $0["state"] as? String == "done" } ? nil : "\(jobs)"
        }
        let steps = try house.query(
            "SELECT count(*) n, count(DISTINCT step) d, min(step) low, max(step) high FROM metrics WHERE key = 'loss'")
        let row = try #require(steps.first)
        #expect(row["n"] as? Int == 10 && row["d"] as? Int == 10, "\(row)")
        #expect(row["low"] as? Int == 1 && row["high"] as? Int == 10, "\(row)")
        #expect(try house.count("SELECT count(*) FROM checkpoints WHERE kind = 'adapter'") == 1)
    }

    @Test("the coordinator does not start on a full disk, and says which and why")
    func coordinatorStart() throws {
        let disk = try SmallDisk(megabytes: 4)
        try disk.fill()
        let data = disk.path + "/coordinator"
        let ended = try RadiataProgram.run(["coordinator", "run", "--data", data, "--listen", "127.0.0.1:0"])
        #expect(ended.status == 1, "\(ended)")
        #expect(ended.messages.contains(data), "\(ended)")
        #expect(ended.messages.contains("free some space there"), "\(ended)")
        #expect(ended.messages.split(separator: "\n").count == 1, "\(ended)")
    }

    @Test(
        "the coordinator's disk fills up in mid-sweep: clients are told, workers wait, nothing is lost",
        .timeLimit(.minutes(15)))
    func coordinatorRunning() throws {
        let disk = try SmallDisk(megabytes: 16)
        let house = try House(data: disk.path + "/coordinator")
        try GatedTrainer.makeGates(in: house.folder)
        try house.startCoordinator()
        let launched = try house.radiata(["launch", try GatedTrainer.sweep(in: house.folder, "first")])
        try #require(launched.status == 0, "\(launched)")
        _ = try house.startWorker("worker")
        try house.eventually("the state of step 5 is committed") {
            try house.count("SELECT count(*) FROM checkpoints") == 1 ? nil : house.log("worker-2")
        }

        try disk.fill()
        // More than the space that the ledger has in its files already.
        let refused = try house.radiata([
            "launch", try GatedTrainer.sweep(in: house.folder, "large", seeds: 1...20_000, rate: "2e-4"),
        ])
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.messages.contains(house.data), "\(refused)")
        #expect(refused.messages.contains("free some space there"), "\(refused)")
        // Reading needs no space.
        #expect(try house.count("SELECT count(*) FROM jobs") == 1)

        // The trainer ends; what it made waits with the worker.
        try GatedTrainer.openGate(house)
        try house.eventually("the trainer has ended") {
            let names = FileManager.default.subpaths(atPath: house.folder.path + "/worker/attempts") ?? []
            return names.contains { $0.hasSuffix("process.exit") } ? nil : "\(names)"
        }
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'running'") == 1)

        disk.free()
        try expectComplete(house)
        #expect(try house.count("SELECT attempts FROM jobs") == 1)
    }

    @Test("a worker's disk fills up: its trainer is held, and goes on when there is space", .timeLimit(.minutes(15)))
    func workerRunning() throws {
        let disk = try SmallDisk(megabytes: 16)
        let house = try House()
        try GatedTrainer.makeGates(in: house.folder)
        try house.startCoordinator()
        let launched = try house.radiata(["launch", try GatedTrainer.sweep(in: house.folder, "first")])
        try #require(launched.status == 0, "\(launched)")
        let worker = try house.startWorker("worker", work: disk.path + "/work")
        try house.eventually("the state of step 5 is committed") {
            try house.count("SELECT count(*) FROM checkpoints") == 1 ? nil : house.log("worker-2")
        }

        try disk.fill()
        try house.eventually("the worker says so and holds its trainer") {
            let log = house.log("worker-2")
            let isSaid = log.contains(disk.path) && log.contains("free some space there")
            guard isSaid, try Self.isStopped("\(disk.path)/work") else { return log }
            return nil
        }
        #expect(worker.isRunning)
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'running'") == 1)

        disk.free()
        // Only a trainer that runs again comes to its gate: a stopped one has given up waiting there.
        try GatedTrainer.openGate(house)
        try expectComplete(house)
        #expect(try house.count("SELECT attempts FROM jobs") == 1)
    }

    @Test("what was canceled while a full disk kept it from beginning never begins", .timeLimit(.minutes(15)))
    func canceledBeforeItBegan() throws {
        let disk = try SmallDisk(megabytes: 16)
        let house = try House()
        try GatedTrainer.makeGates(in: house.folder)
        try house.startCoordinator()
        let worker = try house.startWorker("worker", work: disk.path + "/work")
        try house.eventually("the worker waits for jobs") {
            try house.count("SELECT count(*) FROM worker") == 1 ? nil : house.log("worker-2")
        }
        try disk.fill()
        // The poll that was sent before brings it all the same.
        let launched = try house.radiata(["launch", try GatedTrainer.sweep(in: house.folder, "first")])
        try #require(launched.status == 0, "\(launched)")
        try house.eventually("the worker has the job and cannot begin it") {
            house.log("worker-2").contains("this worker waits") ? nil : house.log("worker-2")
        }
        let canceled = try house.radiata(["cancel", "first"])
        try #require(canceled.status == 0, "\(canceled)")
        disk.free()
        try house.eventually("it is given up") {
            house.log("worker-2").contains("was not begun") ? nil : house.log("worker-2")
        }
        // The next job runs, in the only slot.
        let next = try house.radiata(["launch", try GatedTrainer.sweep(in: house.folder, "second", rate: "2e-4")])
        try #require(next.status == 0, "\(next)")
        try GatedTrainer.openGate(house)
        try house.eventually("the other job is done") {
            let jobs = try house.query("SELECT sweep, state, attempts FROM jobs ORDER BY sweep")
            return jobs.map { $0["state"] as? String } == ["canceled", "done"] ? nil : "\(jobs)"
        }
        try house.eventually("nothing is left of the first") {
            let left = try FileManager.default.contentsOfDirectory(atPath: disk.path + "/work/attempts")
            return left.isEmpty ? nil : "\(left)"
        }
        #expect(worker.isRunning)
    }

    /// Whether the trainer of the only attempt in a work folder is stopped (state T).
    private static func isStopped(_ work: String) throws -> Bool {
        let names = FileManager.default.subpaths(atPath: work + "/attempts") ?? []
        guard let record = names.first(where: { $0.hasSuffix("/process") }) else { return false }
        let text = try String(contentsOfFile: "\(work)/attempts/\(record)", encoding: .utf8)
        guard let pid = text.split(separator: " ").first else { return false }
        let status = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        // pid (name) state …
        return status.split(separator: ")").last?.split(separator: " ").first == "T"
    }
}
