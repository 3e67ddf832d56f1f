import Foundation
import Glibc
import TestSupport
import Testing

/// The profile `diffusion-pipe` against a stand-in for diffusion-pipe (Tests/Trainers/diffusion-pipe).
@Suite("diffusion-pipe")
struct DiffusionPipeTests {
    static let folder = SourceTree.path("Tests/Trainers/diffusion-pipe")

    private static func toml(_ more: String = "", adapter: String = "") -> String {
        """
        epochs = 4
        save_every_n_epochs = 1
        checkpoint_every_n_epochs = 1
        \(more)
        [model]
        type = "flux"
        [adapter]
        type = "lora"
        rank = 8
        \(adapter)
        [optimizer]
        lr = 2e-4

        """
    }

    private func bench(_ house: House) throws -> ProfileBench {
        ProfileBench(
            profile: "diffusion-pipe", config: try house.folder.write("flux.toml", Self.toml()),
            values: ["script": Self.folder + "/train.py", "deepspeed": Self.folder + "/deepspeed"])
    }

    private func run(
        _ folder: TemporaryFolder, _ more: String = "", _ arguments: [String] = [], until text: String? = nil,
        signal: Int32 = SIGKILL, adapter: String = "", whenSent: () throws -> Void = {}
    ) throws -> BareRun {
        let output = "output_dir = \"\(folder.path)/out\"\n"
        let config = try folder.write("config.toml", Self.toml(output + more, adapter: adapter))
        return try BareRun(
            [Self.folder + "/train.py", "--deepspeed", "--config=\(config)"] + arguments, in: folder, until: text,
            signal: signal, whenSent: whenSent)
    }

    /// The folder of the one run there is.
    private func only(_ folder: TemporaryFolder) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out")
        try #require(names.count == 1, "\(names)")
        return "\(folder.path)/out/\(names[0])"
    }

    @Test(
        "killed between a state and its adapter, and inside an adapter, and resumed by other workers: the checkpoints of an undisturbed run"
    )
    func resume() throws {
        let house = try House()
        let saved = try bench(house).killTwice(house, at: ("8.between", "3.tmp"), states: (4, 8))
        #expect(saved.map(\.epoch).sorted() == [1, 2, 3, 4] && saved.map(\.step).sorted() == [4, 8, 12, 16])
        #expect(try house.count("SELECT count(DISTINCT step) FROM metrics WHERE key = 'loss'") == 16)
    }

    @Test("a pause goes through the signal file: a state, no adapter, and the rest is trained later")
    func pause() throws {
        let house = try House()
        try bench(house).pause(house, at: "7")
        try house.waitForLog(try house.onlyJob(), "asked to stop by a file")
        _ = try house.folder.write("gate", "")
        try house.waitForState("paused")
        // Between two epochs: what the file asked for.
        let state = try house.query("SELECT max(step) AS s FROM checkpoints WHERE kind = 'state'")
        #expect((state.first?["s"] as? NSNumber)?.intValue ?? 0 >= 7, "\(state)")
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 0)
        #expect(try house.radiata(["unpause", "cats"]).status == 0)
        try house.waitForEnd()
        #expect(try house.adapters("stub_gate").map(\.epoch).sorted() == [1, 2, 3, 4])
    }

    @Test("trap: killed between the state of an epoch and its adapter, a resume never makes that adapter")
    func trapBetween() throws {
        let folder = try TemporaryFolder()
        let gate = "stub_gate = \"\(folder.path)/gate\"\nstub_wait = \"8.between\"\n"
        #expect(try run(folder, gate, until: "waiting for").bySignal)
        let resumed = try run(folder, "", ["--resume_from_checkpoint"])
        #expect(resumed.status == 0 && resumed.output.contains("Resuming at epoch: 3, step: 9"))
        let out = try only(folder)
        #expect(FileManager.default.fileExists(atPath: out + "/epoch3"))
        #expect(!FileManager.default.fileExists(atPath: out + "/epoch2"))
    }

    @Test("trap: what an interrupted save leaves kills the next one")
    func trapTemporary() throws {
        let folder = try TemporaryFolder()
        let gate = "stub_gate = \"\(folder.path)/gate\"\nstub_wait = \"3.tmp\"\n"
        let config = Self.toml("output_dir = \"\(folder.path)/out\"\n" + gate).replacing(
            "checkpoint_every_n_epochs = 1", with: "checkpoint_every_n_epochs = 2")
        let path = try folder.write("config.toml", config)
        let command = [Self.folder + "/train.py", "--deepspeed", "--config=\(path)"]
        #expect(try BareRun(command, in: folder, until: "waiting for").bySignal)
        let resumed = try BareRun(command + ["--resume_from_checkpoint"], in: folder)
        #expect(resumed.status == 1 && resumed.output.contains("FileExistsError"), "\(resumed.output)")
    }

    @Test("trap: the signal file ends it with 0 and without an adapter; TERM ends it at once")
    func trapStop() throws {
        let folder = try TemporaryFolder()
        let gate = "stub_gate = \"\(folder.path)/gate\"\nstub_wait = \"3\"\n"
        let quit = try run(folder, gate, until: "waiting for", signal: 0) {
            _ = try folder.write("out/\(URL(filePath: try only(folder)).lastPathComponent)/save_quit", "")
            _ = try folder.write("gate", "")
        }
        #expect(quit.status == 0 && quit.output.contains("Manually quitting"))
        let out = try only(folder)
        #expect(FileManager.default.fileExists(atPath: out + "/global_step3"))
        #expect(!FileManager.default.fileExists(atPath: out + "/epoch1"))
        let other = try TemporaryFolder()
        let held = "stub_gate = \"\(other.path)/gate\"\nstub_wait = \"7\"\n"
        let ended = try run(other, held, until: "waiting for", signal: SIGTERM)
        #expect(ended.bySignal && ended.status == SIGTERM)
        #expect(!FileManager.default.fileExists(atPath: try only(other) + "/global_step7"))
    }

    @Test("trap: alpha is refused, in a sweep as the job's failure")
    func trapAlpha() throws {
        let folder = try TemporaryFolder()
        let bare = try run(folder, adapter: "alpha = 8")
        #expect(bare.status == 1 && bare.output.contains("Please remove alpha"))
        let house = try House()
        try house.startCoordinator()
        let file = try house.folder.write(
            "sweep.yaml", try bench(house).sweep("{ adapter.alpha: 8 }", more: "retries: { crash: 0 }"))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("worker")
        try house.waitForEnd()
        #expect(try house.radiata(["show", try house.onlyJob()]).output.contains("Please remove alpha"))
    }

    @Test("trap: two runs that begin in one second share a folder; jobs have folders of their own")
    func trapFolder() throws {
        let folder = try TemporaryFolder()
        // The clock may turn in between, as it may for people.
        for _ in 0..<20 {
            try? FileManager.default.removeItem(atPath: folder.path + "/out")
            #expect(try run(folder).status == 0)
            _ = try run(folder)
            if try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out").count == 1 { break }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out").count == 1)
        let house = try House()
        try house.startCoordinator()
        let file = try house.folder.write(
            "sweep.yaml", try bench(house).sweep("{ adapter.rank: 4 }, { adapter.rank: 16 }"))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("a")
        _ = try house.startWorker("b")
        try house.waitForEnd()
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 2)
        #expect(
            try house.count("SELECT count(DISTINCT sha256) FROM checkpoints WHERE file LIKE '%.safetensors'") == 8)
    }
}
