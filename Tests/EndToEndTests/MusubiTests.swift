import Foundation
import Glibc
import TestSupport
import Testing

/// The profile `musubi` against a stand-in for musubi-tuner (Tests/Trainers/musubi-tuner).
@Suite("musubi-tuner")
struct MusubiTests {
    static let script = SourceTree.path("Tests/Trainers/musubi-tuner/wan_train_network.py")

    private static func toml(_ more: String = "") -> String {
        """
        dit = "/models/wan.safetensors"
        network_module = "networks.lora_wan"
        network_dim = 8
        network_args = ["conv_dim=4"]
        learning_rate = 2e-4
        max_train_epochs = 5
        save_every_n_epochs = 1
        seed = 3
        \(more)

        """
    }

    private static func toml(in folder: TemporaryFolder, _ name: String, _ more: String = "") -> String {
        toml("output_dir = \"\(folder.path)/model\"\noutput_name = \"\(name)\"\nsave_state = true\n" + more)
    }

    private func bench(_ house: House) throws -> ProfileBench {
        ProfileBench(
            profile: "musubi", config: try house.folder.write("wan.toml", Self.toml()),
            values: ["script": Self.script, "accelerate": KohyaTests.accelerate])
    }

    private func run(
        _ folder: TemporaryFolder, _ toml: String, _ arguments: [String] = [], until text: String? = nil,
        signal: Int32 = SIGKILL
    ) throws -> BareRun {
        let config = try folder.write("config.toml", toml)
        return try BareRun(
            [Self.script, "--config_file=\(config)"] + arguments, in: folder, until: text, signal: signal)
    }

    @Test("killed twice, once inside a state, and resumed by other workers: the checkpoints of an undisturbed run")
    func resume() throws {
        let house = try House()
        let saved = try bench(house).killTwice(house, at: ("3.state", "4.1"), states: (8, 12))
        #expect(saved.map(\.epoch).sorted() == [1, 2, 3, 4, 5] && saved.map(\.step).sorted() == [4, 8, 12, 16, 20])
        // Steps and epochs of the whole training, in every attempt.
        #expect(try house.count("SELECT max(step) FROM metrics WHERE key = 'loss'") == 20)
        #expect(try house.count("SELECT count(DISTINCT step) FROM metrics WHERE key = 'loss'") == 20)
    }

    @Test("a pause waits for the next state, and what comes after it goes on from there")
    func pause() throws {
        let house = try House()
        try bench(house).pause(house, at: "3.2", early: "4.1")
        try house.waitForLog(try house.onlyJob(), "stops after the next training state")
        _ = try house.folder.write("gate", "")
        try house.waitForState("paused")
        try house.waitForState(epoch: 3)
        _ = try house.folder.write("gate-early", "")
        #expect(try house.radiata(["unpause", "cats"]).status == 0)
        try house.waitForEnd()
        #expect(try house.adapters("stub_gate").map(\.step).sorted() == [4, 8, 12, 16, 20])
    }

    @Test("samples that are videos are kept and brought home; a report and a grid say that they leave them out")
    func videos() throws {
        let house = try House()
        try house.startCoordinator()
        let file = try house.folder.write("sweep.yaml", try bench(house).sweep("{ sample_every_n_epochs: 2 }"))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("worker")
        try house.waitForEnd()
        let samples = try house.query("SELECT name, sha256 FROM artifacts WHERE kind = 'sample' ORDER BY name")
        let names = samples.compactMap { $0["name"] as? String }
        #expect(names.count == 2 && names.allSatisfy { $0.hasSuffix(".mp4") }, "\(samples)")
        #expect(zip(names, ["_e000002_00_", "_e000004_00_"]).allSatisfy { $0.contains($1) }, "\(samples)")
        let home = house.folder.path + "/home"
        let fetched = try house.radiata(["fetch", try house.onlyJob(), "--samples", "-o", home])
        #expect(fetched.status == 0, "\(fetched)")
        for sample in samples {
            let path = "\(home)/samples/\(sample["name"] as? String ?? "")"
            #expect(try Coreutils.sha256(path) == sample["sha256"] as? String)
        }
        let report = try house.radiata(["report", "cats", "-o", house.folder.path + "/report.html"])
        #expect(report.status == 0 && report.messages.contains("2 of the 2 samples are videos"), "\(report)")
        let grid = try house.radiata(["grid", "cats", "--x", "epoch", "-o", house.folder.path + "/grid.html"])
        #expect(grid.status == 3 && grid.messages.contains("2 of the 2 samples are videos"), "\(grid)")
    }

    @Test("trap: a resume trains the whole length again and begins its numbers anew, over the files of the first part")
    func trapCounters() throws {
        let folder = try TemporaryFolder()
        #expect(try run(folder, Self.toml(in: folder, "a")).status == 0)
        let expected = try SavedAdapter.weights(folder.path + "/model/a.safetensors")
        let gate = "stub_gate = \"\(folder.path)/gate\"\nstub_wait = \"3.1\""
        #expect(try run(folder, Self.toml(in: folder, "b", gate), until: "waiting for").bySignal)
        let first = try SavedAdapter.weights(folder.path + "/model/b-000001.safetensors")
        let again = try run(folder, Self.toml(in: folder, "b"), ["--resume=\(folder.path)/model/b-000002-state"])
        #expect(again.status == 0 && again.output.contains("epoch 5/5"))
        #expect(try SavedAdapter.weights(folder.path + "/model/b.safetensors") != expected)
        #expect(try SavedAdapter.weights(folder.path + "/model/b-000001.safetensors") != first)
    }

    @Test("trap: TERM ends it without a save; a state that was cut short cannot be gone on from")
    func trapStates() throws {
        let folder = try TemporaryFolder()
        let gate = "stub_gate = \"\(folder.path)/gate\"\nstub_wait = "
        let ended = try run(
            folder, Self.toml(in: folder, "a", gate + "\"3.2\""), until: "waiting for", signal: SIGTERM)
        #expect(ended.bySignal && ended.status == SIGTERM)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/model/a-000003-state"))
        #expect(try run(folder, Self.toml(in: folder, "b", gate + "\"2.state\""), until: "waiting for").bySignal)
        let resumed = try run(folder, Self.toml(in: folder, "b"), ["--resume=\(folder.path)/model/b-000002-state"])
        #expect(resumed.status == 1 && resumed.output.contains("FileNotFoundError"))
    }

    @Test("trap: without cached latents it ends at once; the job's failure says so")
    func trapCache() throws {
        let folder = try TemporaryFolder()
        let missing = "stub_cache = \"\(folder.path)/cache\""
        let bare = try run(folder, Self.toml(in: folder, "a", missing))
        #expect(bare.status == 1 && bare.output.contains("latents are cached"))
        let house = try House()
        try house.startCoordinator()
        let file = try house.folder.write(
            "sweep.yaml",
            try bench(house).sweep("{ stub_cache: \(folder.path)/cache }", more: "retries: { crash: 0 }"))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("worker")
        try house.waitForEnd()
        #expect(try house.radiata(["show", try house.onlyJob()]).output.contains("ensure that the latents are cached"))
    }
}
