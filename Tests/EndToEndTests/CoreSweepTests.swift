import Foundation
import TestSupport
import Testing

/// The core trainer through the whole house, on the embedded base model.
@Suite("Core sweeps", .serialized)
struct CoreSweepTests {
    private static let root = RadiataProgram.root.path

    /// One LoRA job of some twenty steps, without evaluation: the test is about checkpoints.
    private func sweep(_ folder: TemporaryFolder) throws -> String {
        try folder.write(
            "core.yaml",
            """
            name: core-killed
            base: \(Self.root)/sweeps/base/emoji-64
            data: \(Self.root)/data/quickstart
            seeds: [5]
            checkpoints: { steps: [4, 8] }
            defaults: { batch: 4, epochs: 1, layers: attn-only, dim: 4 }
            groups:
              - list: [ { algorithm: lora, lr: 5e-4 } ]
            """)
    }

    @Test(
        "a core job killed in mid-training ends with the adapter of an undisturbed run, byte for byte",
        .timeLimit(.minutes(15)))
    func killedCoreJobIsExact() throws {
        let house = try House()
        let file = try sweep(house.folder)
        let alone = house.folder.path + "/alone"
        let undisturbed = try RadiataProgram.run(["train", file, "--out", alone, "--threads", "1"])
        try #require(undisturbed.status == 0, "\(undisturbed)")

        try house.startCoordinator()
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        let first = try house.startWorker("worker-a")
        try house.eventually("the first checkpoint is committed") {
            try house.count("SELECT count(*) FROM checkpoints WHERE kind = 'state'") >= 1
                ? nil : house.log("worker-a-2")
        }
        house.slay(first)
        _ = try house.startWorker("worker-b")
        try house.eventually("the job is done") {
            let states = try house.query("SELECT state, attempts, failure FROM jobs")
            return states.allSatisfy { $0["state"] as? String == "done" } ? nil : "\(states)"
        }
        try expectSameAdapters(house, alone: alone)
        let twice = try house.count("SELECT count(*) - count(DISTINCT step) FROM metrics WHERE key = 'loss'")
        #expect(twice == 0)
    }

    private func expectSameAdapters(_ house: House, alone: String) throws {
        let rows = try house.query("SELECT step, sha256 FROM checkpoints WHERE kind = 'adapter' ORDER BY step")
        #expect(rows.count >= 3)
        for row in rows {
            let step = try #require(row["step"] as? Int)
            let digest = try #require(row["sha256"] as? String)
            let name = "step-" + String(repeating: "0", count: 8 - "\(step)".count) + "\(step)"
            let mine = try Data(contentsOf: URL(filePath: "\(alone)/checkpoints/\(name)/adapter.safetensors"))
            let theirs = try Data(
                contentsOf: URL(filePath: "\(house.data)/blobs/\(digest.prefix(2))/\(digest.dropFirst(2))"))
            #expect(mine == theirs, "adapter of step \(step)")
        }
    }
}
