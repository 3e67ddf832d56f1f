import Foundation
import Glibc
import TestSupport
import Testing

/// The profile `kohya` against a stand-in for sd-scripts (Tests/Trainers/sd-scripts) that has its files,
/// counters and traps. Of each trap one test shows the stand-in falling into it by itself, and one that it
/// does not with the profile.
@Suite("kohya sd-scripts")
struct KohyaTests {
    static let stand = SourceTree.path("Tests/Trainers/sd-scripts")
    static let script = stand + "/train_network.py"
    static let accelerate = stand + "/accelerate"

    static func toml(_ more: String = "", epochs: Int = 5) -> String {
        """
        # a file that works
        [model]
        pretrained_model_name_or_path = "runwayml/stable-diffusion-v1-5"
        network_module = "networks.lora"
        network_dim = 8
        network_alpha = 4
        network_args = ["conv_dim=4"]   # 3x3 layers too
        [training]
        unet_lr = 1e-4
        max_train_epochs = \(epochs)
        save_every_n_epochs = 1
        seed = 3
        \(more)

        """
    }

    private static func sweep(_ groups: String, config: String, seeds: String = "[3]", trainer: String = "") -> String {
        """
        name: cats
        trainer:
          profile: kohya
          config: \(config)
          values: { script: \(script), accelerate: \(accelerate) }
          \(trainer)
        seeds: \(seeds)
        groups: [ \(groups) ]

        """
    }

    // MARK: With the profile

    @Test(
        "killed twice, once inside a state, and resumed by other workers: the checkpoints of an undisturbed run, no more"
    )
    func resume() throws {
        let house = try House()
        try house.startCoordinator()
        let gate = house.folder.path + "/gate"
        let config = try house.folder.write("cat.toml", Self.toml())
        let disturbed = """
            { list: [ { network_dim: 8, stub_gate: \(gate), stub_wait: 3.state, stub_half_state: true,
              stub_resumed_gate: \(gate), stub_resumed_wait: '4.1' } ] }
            """
        let file = try house.folder.write("sweep.yaml", Self.sweep(disturbed, config: config))
        #expect(try house.radiata(["launch", file]).status == 0)
        let job = try #require(try house.query("SELECT id FROM jobs").first?["id"] as? String)

        // Inside the third state: what lies there must not be taken.
        let first = try house.startWorker("first")
        try house.waitForState(epoch: 2)
        try house.waitForLog(job, "waiting for")
        house.slayMachine(first, work: house.folder.path + "/first")
        // In the fourth epoch, after the third was done again.
        let second = try house.startWorker("second")
        try house.waitForState(epoch: 3)
        try house.waitForLog(job, "epoch 4/5")
        house.slayMachine(second, work: house.folder.path + "/second")
        _ = try house.folder.write("gate", "")
        _ = try house.startWorker("third")
        try house.waitForEnd()
        #expect(
            try house.query("SELECT state, attempts FROM jobs").map { "\($0["state"] ?? "") \($0["attempts"] ?? "")" }
                == ["done 3"])

        // The same without disturbance is another job: it has other keys in its file.
        let plain = try house.folder.write(
            "plain.yaml", Self.sweep("{ list: [ { network_dim: 8, stub_steps_per_epoch: 4 } ] }", config: config))
        #expect(try house.radiata(["launch", plain, "--yes"]).status == 0)
        try house.waitForEnd()
        let expected = try house.adapters("stub_steps")
        #expect(
            expected.map(\.epoch).sorted() == [1, 2, 3, 4, 5] && expected.map(\.step).sorted() == [4, 8, 12, 16, 20])
        #expect(try house.adapters("stub_half") == expected)
    }

    private func bench(_ house: House, _ toml: String) throws -> ProfileBench {
        ProfileBench(
            profile: "kohya", config: try house.folder.write("cat.toml", toml),
            values: ["script": Self.script, "accelerate": Self.accelerate])
    }

    @Test(
        "killed behind the last state, with what would lead a resume astray: the checkpoints of an undisturbed run"
    )
    func lastState() throws {
        let house = try House()
        let toml = Self.toml("skip_until_initial_step = true\nsave_state_on_train_end = true")
        let saved = try bench(house, toml).killTwice(
            house, at: ("3.2", "end"), states: (8, 16), environment: ["CUDA_VISIBLE_DEVICES": "0,1"])
        #expect(saved.map(\.epoch).sorted() == [1, 2, 3, 4, 5] && saved.map(\.step).sorted() == [4, 8, 12, 16, 20])
        // Steps of the training and each epoch once, whatever a run calls them.
        #expect(try house.count("SELECT count(DISTINCT step) FROM metrics WHERE key = 'loss'") == 20)
        let tag = "loss/epoch_average"
        for (key, steps) in [(tag, [4, 8, 12, 16, 20]), (tag + "/epoch", [1, 2, 3, 4, 5])] {
            let rows = try house.query("SELECT DISTINCT step FROM metrics WHERE key = '\(key)' ORDER BY step")
            #expect(rows.compactMap { ($0["step"] as? NSNumber)?.intValue } == steps, "\(key)")
        }
    }

    @Test("a length in steps cannot be resumed exactly: the job begins anew, and ends where an undisturbed one does")
    func lengthInSteps() throws {
        let house = try House()
        let toml = Self.toml().replacing("max_train_epochs = 5", with: "max_train_steps = 18")
        let saved = try bench(house, toml).killTwice(house, at: ("3.1", "-"), states: (0, 0))
        #expect(saved.map(\.step).sorted() == [4, 8, 12, 16, 18])
        #expect(try house.count("SELECT count(*) FROM checkpoints WHERE kind = 'state'") == 0)
        let check = try house.radiata(["check", house.folder.path + "/plain.yaml"])
        #expect(check.status == 1 && check.output.contains("begins anew"), "\(check)")
    }

    @Test("a pause waits for the next state, so that nothing is done twice")
    func pause() throws {
        let house = try House()
        try house.startCoordinator()
        let gate = house.folder.path + "/gate"
        let config = try house.folder.write("cat.toml", Self.toml())
        let file = try house.folder.write(
            "sweep.yaml",
            Self.sweep(
                "{ list: [ { stub_gate: \(gate), stub_wait: '3.2', stub_step_seconds: 0.4 } ] }", config: config))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("worker")
        let job = try #require(try house.query("SELECT id FROM jobs").first?["id"] as? String)
        try house.waitForLog(job, "waiting for")
        #expect(try house.radiata(["pause", "cats"]).status == 0)
        try house.waitForLog(job, "stops after the next training state")
        _ = try house.folder.write("gate", "")
        try house.eventually("the job is paused") {
            let state = try house.query("SELECT state FROM jobs").first?["state"] as? String ?? ""
            return state == "paused" ? nil : state
        }
        let epoch = try house.query("SELECT max(epoch) AS e FROM checkpoints WHERE kind = 'state'")
        #expect((epoch.first?["e"] as? NSNumber)?.intValue ?? 0 >= 3)
        #expect(try house.radiata(["unpause", "cats"]).status == 0)
        try house.waitForEnd()
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 1)
    }

    @Test("exit 0 alone is no success: without its last file, or with one that stops short, the job has failed")
    func done() throws {
        let house = try House()
        try house.startCoordinator()
        // The stand-in takes the steps for the end; the file asks for more epochs than they are.
        let wrong = try house.folder.write("short.py", "import sys\nsys.exit(0)\n")
        let config = try house.folder.write("cat.toml", Self.toml())
        let text = Self.sweep("{ list: [ { network_dim: 8 } ] }", config: config).replacing(
            "script: \(Self.script)", with: "script: \(wrong)")
        let file = try house.folder.write("sweep.yaml", text + "retries: { crash: 0 }\n")
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("worker")
        try house.waitForEnd()
        let row = try #require(try house.query("SELECT state, failure FROM jobs").first)
        #expect(row["state"] as? String != "done")
        let job = try #require(try house.query("SELECT id FROM jobs").first?["id"] as? String)
        #expect(try house.radiata(["show", job]).output.contains("exited 0 but left no "))
    }

    @Test("two at once on one machine have ports, folders and names of their own")
    func together() throws {
        let house = try House()
        try house.startCoordinator()
        let config = try house.folder.write("cat.toml", Self.toml("log_with = \"wandb\"", epochs: 2))
        let file = try house.folder.write(
            "sweep.yaml", Self.sweep("{ grid: { network_dim: [4, 8] } }", config: config, seeds: "[1, 2]"))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("a")
        _ = try house.startWorker("b")
        try house.waitForEnd()
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 4)
        #expect(try house.count("SELECT count(DISTINCT sha256) FROM checkpoints WHERE kind = 'adapter'") == 8)
    }

    // MARK: A queue

    @Test("a folder of files is a queue: each runs once, as it is; more of them may come")
    func queue() throws {
        let house = try House()
        try house.startCoordinator()
        _ = try house.startWorker("worker")
        let first = try house.folder.write("a.toml", Self.toml(epochs: 1))
        let second = try house.folder.write("b.toml", Self.toml("network_dropout = 0.1", epochs: 1))
        let values = ["--value", "script=\(Self.script)", "--value", "accelerate=\(Self.accelerate)"]
        let one = try house.radiata(["queue", first] + values + ["--watch"])
        #expect(one.status == 0 && one.output.contains("queue-kohya: 1 jobs (1 added)"), "\(one)\n\(house.allLogs())")
        let two = try house.radiata(["queue", first, second] + values + ["--watch"])
        #expect(two.status == 0 && two.output.contains("(1 added, 1 known already)"), "\(two)")
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 2)
    }

    // MARK: The traps, by itself

    /// Runs the stand-in without the program: `until` a text was printed, then it is killed.
    private func run(
        _ folder: TemporaryFolder, _ toml: String, _ arguments: [String] = [], until text: String? = nil,
        signal: Int32 = SIGKILL, launcher: [String] = []
    ) throws -> BareRun {
        let config = try folder.write("config.toml", toml)
        return try BareRun(
            launcher + [Self.script, "--config_file=\(config)"] + arguments, in: folder, until: text, signal: signal)
    }

    private static func toml(in folder: TemporaryFolder, _ name: String = "a", _ more: String = "") -> String {
        toml("output_dir = \"\(folder.path)/model\"\noutput_name = \"\(name)\"\nsave_state = true\n" + more)
    }

    @Test("trap: the second resume begins at the wrong epoch, since a state knows the steps of its run only")
    func trapSecondResume() throws {
        let folder = try TemporaryFolder()
        let gate = folder.path + "/gate"
        let plain = Self.toml(in: folder)
        #expect(try run(folder, plain).status == 0)
        let expected = try SavedAdapter.weights(folder.path + "/model/a.safetensors")
        let waits = Self.toml(
            in: folder, "b",
            "stub_gate = \"\(gate)\"\nstub_wait = \"3.1\"\nstub_resumed_gate = \"\(gate)\"\nstub_resumed_wait = \"4.1\""
        )
        let state = folder.path + "/model/b-00000"
        #expect(try run(folder, waits, until: "waiting for").bySignal)
        #expect(try run(folder, waits, ["--resume=\(state)2-state"], until: "waiting for").bySignal)
        _ = try folder.write("gate", "")
        // The wrong run writes states of the same names.
        let kept = folder.path + "/kept"
        try FileManager.default.copyItem(atPath: state + "3-state", toPath: kept)
        // As its counters say: three epochs are done, and it begins the second.
        let third = try run(folder, waits, ["--resume=\(state)3-state"])
        #expect(third.status == 0 && third.output.contains("epoch 2/5"))
        #expect(try SavedAdapter.weights(folder.path + "/model/b.safetensors") != expected)
        // As the profile does it.
        let right = try run(folder, waits, ["--resume=\(kept)", "--initial_epoch=4"])
        #expect(right.status == 0 && !right.output.contains("epoch 3/5"))
        #expect(try SavedAdapter.weights(folder.path + "/model/b.safetensors") == expected)
    }

    @Test("trap: a misspelt key is accepted without a word; 'check' finds it")
    func trapUnknownKey() throws {
        let folder = try TemporaryFolder()
        let toml = Self.toml(in: folder, "a", "unet_rl = 5e-4")
        #expect(try run(folder, toml).status == 0)
        let config = try folder.write("cat.toml", toml)
        let sweep = try folder.write("sweep.yaml", Self.sweep("{ list: [ { netwrok_dim: 4 } ] }", config: config))
        let check = try RadiataProgram.run(["check", sweep])
        #expect(check.status == 1, "\(check)")
        #expect(check.output.contains("'unet_rl'") && check.output.contains("did you mean 'unet_lr'?"), "\(check)")
        #expect(
            check.output.contains("'netwrok_dim'") && check.output.contains("did you mean 'network_dim'?"), "\(check)")
        // A plan says it too, and plans.
        let plan = try RadiataProgram.run(["plan", sweep])
        #expect(
            plan.status == 0 && plan.messages.contains("warning: ") && plan.messages.contains("network_dim"), "\(plan)")
    }

    @Test("trap: TERM ends it without a save, with the signal as its status")
    func trapSignal() throws {
        let folder = try TemporaryFolder()
        let toml = Self.toml(in: folder, "a", "stub_gate = \"\(folder.path)/gate\"\nstub_wait = \"3.2\"")
        let ended = try run(folder, toml, until: "waiting for", signal: SIGTERM)
        #expect(ended.bySignal && ended.status == SIGTERM)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/model/a-000003-state"))
    }

    @Test("trap: a state that was cut short cannot be gone on from")
    func trapHalfState() throws {
        let folder = try TemporaryFolder()
        let toml = Self.toml(
            in: folder, "a", "stub_gate = \"\(folder.path)/gate\"\nstub_wait = \"2.state\"\nstub_half_state = true")
        #expect(try run(folder, toml, until: "waiting for").bySignal)
        let half = folder.path + "/model/a-000002-state"
        #expect(FileManager.default.fileExists(atPath: half + "/model.safetensors"))
        let resumed = try run(folder, toml, ["--resume=\(half)", "--initial_epoch=3"])
        #expect(resumed.status == 1 && resumed.output.contains("FileNotFoundError"))
    }

    @Test("trap: two runs of one name in one folder overwrite each other; on one port the second ends")
    func trapSharing() throws {
        let folder = try TemporaryFolder()
        #expect(try run(folder, Self.toml(in: folder)).status == 0)
        let before = try SavedAdapter.weights(folder.path + "/model/a.safetensors")
        #expect(
            try run(folder, Self.toml(in: folder).replacing("network_dim = 8", with: "network_dim = 16")).status == 0)
        #expect(try SavedAdapter.weights(folder.path + "/model/a.safetensors") != before)

        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 1) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        try #require(isBound)
        let port = Int(UInt16(bigEndian: address.sin_port))
        let ended = try run(
            folder, Self.toml(in: folder), launcher: [Self.accelerate, "launch", "--main_process_port=\(port)"])
        #expect(ended.status == 1 && ended.output.contains("another process is utilizing it"))
    }

    @Test("trap: W&B without a key asks at a keyboard that nobody sits at")
    func trapPrompt() throws {
        let folder = try TemporaryFolder()
        let ended = try run(folder, Self.toml(in: folder, "a", "log_with = \"wandb\""))
        #expect(ended.status == 1 && ended.output.contains("EOFError"))
    }
}
