import Foundation
import TestSupport
import Testing

/// A script with a typo, a mended one after it, on one worker: the sweep is stopped, the worker is not.
@Suite("Whose fault it is", .serialized)
struct BlameEndToEnd {
    private func sweep(
        _ house: House, _ name: String, script: String, values: Int, more: String = ""
    ) throws -> String {
        let path = try house.folder.write("\(name).py", script)
        return try house.folder.write(
            "\(name).yaml",
            """
            name: \(name)
            trainer:
              command: [python3, \(path), "{out}", "{x}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              checkpoints: [ { glob: "{out}/ckpt-*", step: "ckpt-([0-9]+)" } ]
            \(more)
            groups: [ { grid: { x: [\((1...values).map(String.init).joined(separator: ", "))] } } ]
            """)
    }

    private static let broken = """
        import sys
        raise ModuleNotFoundError("No module named nothing-" + sys.argv[2])
        """
    private static let mended = """
        import json, os, sys
        out = sys.argv[1]
        with open(out + "/metrics.jsonl", "a") as f:
            f.write(json.dumps({"step": 1, "loss": 0.5}) + "\\n")
        with open(out + "/.part", "w") as f:
            f.write("weights")
        os.rename(out + "/.part", out + "/ckpt-1")
        """

    private func status(_ house: House) throws -> [String: Any] {
        let answer = try house.radiata(["status", "--format", "json"])
        try #require(answer.status == 0, "\(answer)")
        return try #require(try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
    }

    private func states(_ house: House) throws -> [String: String] {
        let sweeps = try #require(try status(house)["sweeps"] as? [[String: Any]])
        return Dictionary(
            uniqueKeysWithValues: sweeps.map { ($0["name"] as? String ?? "", $0["state"] as? String ?? "") })
    }

    private func reasons(_ house: House) throws -> [String] {
        (try status(house)["jobs"] as? [[String: Any]] ?? []).compactMap { $0["waits_for"] as? String }
    }

    @Test(
        "a broken sweep is stopped with a sentence, the mended one is done on the same worker, and so is the first in the end",
        .timeLimit(.minutes(15)))
    func typo() throws {
        let house = try House()
        try house.startCoordinator(lease: "10s")
        _ = try house.startWorker("w")
        try #require(
            try house.radiata(["launch", try sweep(house, "broken", script: Self.broken, values: 6)]).status == 0)
        try house.eventually("the broken sweep is stopped") {
            let states = try states(house)
            return states["broken"] == "stopped" ? nil : "\(states)"
        }
        let text = try house.radiata(["status"]).output
        #expect(text.contains("broken stopped: 3 jobs failed alike: ModuleNotFoundError: No module named nothing-"))
        #expect(text.contains("mend it and `radiata resume broken`"), "\(text)")
        let watched = try house.radiata(["launch", house.folder.path + "/broken.yaml", "--watch"])
        #expect(watched.status == 1 && watched.messages.contains("broken stopped: "), "\(watched)")
        let mended = try sweep(house, "mended", script: Self.mended, values: 2)
        try #require(try house.radiata(["launch", mended, "--watch"]).status == 0)
        #expect(try states(house)["mended"] == "finished")
        let workers = try #require(try status(house)["workers"] as? [[String: Any]])
        #expect(workers.map { $0["state"] as? String } == ["connected"])
        #expect(try status(house)["version"] as? Int == 1)

        try house.folder.write("broken.py", Self.mended)
        let resumed = try house.radiata(["resume", "broken"])
        #expect(resumed.status == 0, "\(resumed)")
        try house.eventually("the mended script finishes the first sweep") {
            let states = try states(house)
            return states["broken"] == "finished" ? nil : "\(states)"
        }
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state <> 'done'") == 0)
    }

    @Test("a job that no worker fits says which label it needs and what the workers have", .timeLimit(.minutes(15)))
    func unmetLabel() throws {
        let house = try House()
        try house.startCoordinator(lease: "10s")
        let file = try sweep(
            house, "picky", script: Self.mended, values: 1, more: "requires: { labels: { gpu: a100 } }")
        try #require(try house.radiata(["launch", file]).status == 0)
        #expect(try reasons(house).first?.contains("no worker is connected") == true)
        _ = try house.startWorker("w")
        try house.eventually("the reason names the label") {
            let reasons = try reasons(house)
            let isTold = reasons.first.map { $0.contains("it needs label gpu=a100") && $0.contains("has no labels") }
            return isTold ?? false ? nil : "\(reasons)"
        }
        let shown = try house.radiata(["status", "picky"]).output
        #expect(shown.contains("no worker fits: it needs label gpu=a100"), "\(shown)")
    }

    @Test(
        "a worker that is told to stop is 'stopped', and can be forgotten by eight digits of its id",
        .timeLimit(.minutes(15)))
    func forget() throws {
        let house = try House()
        try house.startCoordinator(lease: "30s")
        let process = try house.startWorker("w")
        func workers() throws -> [[String: Any]] { try status(house)["workers"] as? [[String: Any]] ?? [] }
        try house.eventually("it is connected") {
            let workers = try workers()
            return workers.first?["state"] as? String == "connected" ? nil : "\(workers)"
        }
        let id = String((try #require(try workers().first?["id"] as? String)).prefix(8))
        let early = try house.radiata(["workers", "forget", id])
        #expect(early.status == 1 && early.messages.contains("is connected"), "\(early)")
        process.terminate()
        process.waitUntilExit()
        let stopped = try #require(try workers().first)
        #expect(stopped["state"] as? String == "stopped" && stopped["remedy"] != nil, "\(stopped)")
        #expect(try house.radiata(["workers"]).output.contains(id))
        let forgotten = try house.radiata(["workers", "forget", id])
        #expect(forgotten.status == 0, "\(forgotten)")
        #expect(try workers().isEmpty)
    }
}
