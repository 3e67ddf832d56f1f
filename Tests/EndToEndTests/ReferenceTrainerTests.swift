import Foundation
import TestSupport
import Testing

/// The reference trainer of clients/python with the real libraries, on a tiny random pipeline: as a worker
/// runs it. RADIATA_TRAINER_PYTHON names a Python that has them (`make trainer-check`).
@Suite("The reference trainer", .enabled(if: TrainerPython.path != nil))
struct ReferenceTrainerTests {
    private static func sweep(_ points: String, _ base: String) -> String {
        """
        name: cats
        trainer: { profile: reference, values: { python: \(TrainerPython.path ?? ""), device: cpu } }
        base: \(base)
        data: \(SourceTree.path("data/quickstart"))
        seeds: [3]
        checkpoints: { epochs: [1, 2], state_every: 1h }
        groups: [ { list: [ \(points) ] } ]

        """
    }

    @Test(
        "killed twice and resumed by other workers: the very weights of an undisturbed run",
        arguments: ["lora", "lokr"])
    func resume(_ algorithm: String) throws {
        let house = try House()
        let base = house.folder.path + "/base"
        let made = try BareRun(
            [SourceTree.path("Tests/Reference/tiny_pipeline.py"), base], in: house.folder, python: TrainerPython.path)
        try #require(made.status == 0, "\(made.output)")
        try house.startCoordinator()
        let point = "algorithm: \(algorithm), lr: 1e-3, epochs: 3, batch: 4"
        let file = try house.folder.write("sweep.yaml", Self.sweep("{ \(point), state_steps: 3 }", base))
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        let package = ["PYTHONPATH": SourceTree.path("clients/python"), "PYTHONDONTWRITEBYTECODE": "1"]
        for (attempt, state) in [(1, 3), (2, 24)] {
            let worker = try house.startWorker("worker-\(attempt)", environment: package)
            try house.waitForState(step: state)
            house.slayMachine(worker, work: house.folder.path + "/worker-\(attempt)")
        }
        _ = try house.startWorker("worker-3", environment: package)
        try house.waitForEnd(seconds: 400)
        let job = try house.onlyJob()
        let ended = try house.query("SELECT state, attempts FROM jobs").map {
            "\($0["state"] ?? "") \($0["attempts"] ?? "")"
        }
        let shown = try house.radiata(["show", job])
        #expect(ended == ["done 3"], "\(shown)")
        let plain = try house.folder.write("plain.yaml", Self.sweep("{ \(point), state_steps: 7 }", base))
        #expect(try house.radiata(["launch", plain, "--yes"]).status == 0)
        try house.waitForEnd(seconds: 400)
        let expected = try house.adapters("\"state_steps\":7")
        #expect(expected.map(\.step).sorted() == [20, 40, 60] && expected.map(\.epoch).sorted() == [1, 2, 3])
        #expect(try house.adapters("\"state_steps\":3") == expected)
        #expect(try house.count("SELECT count(DISTINCT step) FROM metrics WHERE key = 'loss'") == 60)
        #expect(try house.count("SELECT count(*) FROM metrics WHERE key = 'loss'") == 120)
    }

    @Test("a pause saves the state of the very step; what is not done is refused with its name")
    func pause() throws {
        let house = try House()
        let base = house.folder.path + "/base"
        let made = try BareRun(
            [SourceTree.path("Tests/Reference/tiny_pipeline.py"), base], in: house.folder, python: TrainerPython.path)
        try #require(made.status == 0, "\(made.output)")
        try house.startCoordinator()
        let points = "{ algorithm: loha, dim: 2, epochs: 20, batch: 4 }"
        let file = try house.folder.write("sweep.yaml", Self.sweep(points, base))
        #expect(try house.radiata(["launch", file]).status == 0)
        let package = ["PYTHONPATH": SourceTree.path("clients/python"), "PYTHONDONTWRITEBYTECODE": "1"]
        _ = try house.startWorker("worker", environment: package)
        try house.waitForState(step: 20)
        #expect(try house.radiata(["pause", "cats"]).status == 0)
        try house.waitForState("paused")
        #expect(try house.radiata(["unpause", "cats"]).status == 0)
        try house.waitForEnd(seconds: 400)
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 1)
        let refused = try house.folder.write(
            "refused.yaml", Self.sweep("{ buckets: true }", base).replacing("name: cats", with: "name: no"))
        #expect(try house.radiata(["launch", refused]).status == 0)
        try house.eventually("the job has failed") {
            let row = try house.query("SELECT state, failure FROM jobs WHERE state <> 'done'").first
            let state = row?["state"] as? String ?? ""
            return ["failed", "parked"].contains(state) ? nil : state
        }
        let job = try #require(try house.query("SELECT id FROM jobs WHERE state <> 'done'").first?["id"] as? String)
        #expect(try house.radiata(["show", job]).output.contains("buckets: True is not done by this trainer"))
    }
}

private enum TrainerPython {
    static let path = ProcessInfo.processInfo.environment["RADIATA_TRAINER_PYTHON"]
}
