import Foundation
import TestSupport
import Testing

/// Real processes, real HTTP, real SQLite, SIGKILL: nothing is lost and nothing is there twice.
@Suite("Killed processes", .serialized)
struct KillTests {
    @Test("a worker killed in mid-job and the coordinator in mid-sweep cost nothing", .timeLimit(.minutes(15)))
    func workerAndCoordinatorKilled() throws {
        let house = try House()
        try house.startCoordinator()
        let file = try GatedTrainer.sweep(in: house.folder, "killed", seeds: 1...3)
        try GatedTrainer.makeGates(in: house.folder, seeds: [1, 2])
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")

        // Seed 1 stands at its gate with a committed state; its worker dies.
        let first = try house.startWorker("worker-a")
        try house.eventually("the first state is committed") {
            try house.count("SELECT count(*) FROM checkpoints") >= 1 ? nil : house.log("worker-a-2")
        }
        house.slay(first)

        // Another worker takes over; the coordinator dies while seed 2 stands at its gate.
        _ = try house.startWorker("worker-b")
        try house.eventually("seed 2 has a state") {
            let found = try house.count(
                "SELECT count(*) FROM checkpoints c JOIN jobs j ON j.id = c.job WHERE j.seed = 2 AND c.step = 5")
            return found >= 1 ? nil : "\(try house.query("SELECT substr(id,1,8) id, seed, state, attempts FROM jobs"))"
        }
        house.slay(try #require(house.coordinator))
        try GatedTrainer.openGate(house, seed: 2)
        try house.startCoordinator()

        try house.eventually("all jobs are done") {
            let states = try house.query("SELECT seed, state, attempts, failure FROM jobs ORDER BY seed")
            return states.allSatisfy { $0["state"] as? String == "done" } ? nil : "\(states)"
        }
        try expectNothingLostOrDoubled(house)
    }

    @Test("a worker of jobs that take no time, killed again and again, costs no job", .timeLimit(.minutes(15)))
    func quickJobsKilled() throws {
        let house = try House()
        try house.startCoordinator()
        let seeds = (1...500).map(String.init).joined(separator: ", ")
        let file = try house.folder.write(
            "quick.yaml",
            """
            name: quick
            trainer: { command: ["true"] }
            seeds: [\(seeds)]
            groups: [ { list: [ { lr: 1e-3 } ] } ]
            """)
        let launched = try house.radiata(["launch", file, "--yes"])
        try #require(launched.status == 0, "\(launched)")

        let done = "SELECT count(*) FROM jobs WHERE state = 'done'"
        let arguments = [
            "worker", "run", "--coordinator", house.url, "--work", house.folder.path + "/quick", "--slots", "4",
        ]
        for round in 1...4 {
            let worker = try house.start("quick-\(round)", arguments)
            try house.eventually("jobs are done in round \(round)") {
                let count = try house.count(done)
                return count >= min(500, round * 100) ? nil : "\(count)"
            }
            house.slay(worker)
        }
        _ = try house.start("quick-5", arguments)
        try house.eventually("all jobs are done") {
            let count = try house.count(done)
            return count == 500 ? nil : "\(count)"
        }
        // No end counts twice, and what was cut off counts against nobody.
        let ends = try house.query("SELECT outcome, count(*) n FROM attempt GROUP BY outcome")
        let counts = Dictionary(
            uniqueKeysWithValues: ends.map { ($0["outcome"] as? String ?? "open", $0["n"] as? Int ?? 0) })
        #expect(counts["done"] == 500 && counts["failed"] == nil && counts["open"] == nil, "\(counts)")
        try house.eventually("nothing is left of them") {
            let left = try FileManager.default.contentsOfDirectory(atPath: house.folder.path + "/quick/attempts")
            return left.isEmpty ? nil : "\(left)"
        }
    }

    private func expectNothingLostOrDoubled(_ house: House) throws {
        #expect(try house.count("SELECT count(*) FROM jobs") == 3)
        // Every job has each step exactly once, whichever attempts it took.
        let steps = try house.query(
            "SELECT job, count(*) n, count(DISTINCT step) d, min(step) low, max(step) high FROM metrics WHERE key='loss' GROUP BY job"
        )
        #expect(steps.count == 3)
        for row in steps {
            #expect(
                row["n"] as? Int == 10 && row["d"] as? Int == 10 && row["low"] as? Int == 1 && row["high"] as? Int == 10
            )
        }
        #expect(try house.count("SELECT count(*) FROM checkpoints WHERE kind = 'adapter'") == 3)
        // The killed job went on from its state instead of starting over.
        let killed = try #require(try house.query("SELECT id, attempts FROM jobs WHERE seed = 1").first)
        #expect(killed["attempts"] as? Int == 2)
        let id = try #require(killed["id"] as? String)
        let detail = try house.radiata(["show", id, "--format", "json"])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(detail.output.utf8)) as? [String: Any])
        let attempts = try #require(object["attempts"] as? [[String: Any]])
        #expect(attempts.map { $0["resumedStep"] as? Int } == [0, 5], "\(attempts)")
        // The undisturbed one was not touched by any of it.
        #expect(try house.count("SELECT attempts FROM jobs WHERE seed = 3") == 1)
    }
}
