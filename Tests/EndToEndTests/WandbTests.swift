import Foundation
import TestSupport
import Testing

/// Sweep files of W&B as they are, with the package itself where one is given, and with a log that it wrote.
@Suite("Sweeps of W&B", .serialized)
struct WandbTests {
    /// A Python in whose environment `wandb` is installed.
    private static let python = ProcessInfo.processInfo.environment["RADIATA_WANDB_PYTHON"]

    private func run(_ house: House, _ text: String, script: String) throws {
        try FileManager.default.createDirectory(
            atPath: house.folder.path + "/project", withIntermediateDirectories: true)
        _ = try house.folder.write("project/train.py", script)
        // What a script reads from where it is started.
        _ = try house.folder.write("project/words.txt", "found")
        let file = try house.folder.write("project/sweep.yaml", text)
        try house.startCoordinator()
        let launched = try house.radiata(["launch", file, "--from", "wandb"])
        try #require(launched.status == 0, "\(launched)")
        let worker = try house.startWorker("one")
        defer { house.slay(worker) }
        try house.eventually("all jobs are done") {
            let rows = try house.query("SELECT state, message FROM jobs WHERE state <> 'done'")
            return rows.isEmpty ? nil : "\(rows)"
        }
    }

    @Test("values as arguments and in the package's file; its log gives the metrics", .timeLimit(.minutes(15)))
    func stored() throws {
        let house = try House()
        let log = RadiataProgram.root.path + "/Tests/TrainerFilesTests/Fixtures/wandb/run-fixture1.wandb"
        try run(
            house,
            """
            program: train.py
            method: grid
            metric: { name: loss, goal: minimize }
            parameters:
              lr: { values: [0.1, 0.2] }
              model: { parameters: { width: { value: 64 }, kind: { value: unet } } }
              fast: { value: true }
            """,
            script: """
                import os, shutil, sys
                assert sys.argv[1].startswith("--lr=0.") and sys.argv[3] == "--fast=True", sys.argv
                assert sys.argv[2] == "--model={'width': 64, 'kind': 'unet'}", sys.argv
                assert open("words.txt").read() == "found", os.getcwd()
                assert os.environ["WANDB_MODE"] == "offline"
                config = open(os.environ["WANDB_SWEEP_PARAM_PATH"]).read()
                assert config.startswith("wandb_version: 1\\n"), config
                assert '"lr":\\n  value: ' + sys.argv[1][5:] + "\\n" in config, config
                run = os.environ["WANDB_RUN_ID"]
                folder = os.path.join(os.environ["WANDB_DIR"], "wandb", "offline-run-1-" + run)
                os.makedirs(folder)
                shutil.copy("\(log)", os.path.join(folder, "run-%s.wandb" % run))

                """)
        #expect(try house.count("SELECT count(*) AS n FROM jobs WHERE sweep = 'sweep'") == 2)
        #expect(try house.count("SELECT count(DISTINCT job) AS n FROM metrics") == 2)
    }

    @Test("the package itself", .enabled(if: python != nil), .timeLimit(.minutes(15)))
    func real() throws {
        let house = try House()
        let python = try #require(Self.python)
        try run(
            house,
            """
            program: train.py
            method: grid
            project: words
            command: ["${env}", "\(python)", "${program}"]
            metric: { name: loss, goal: minimize }
            parameters:
              lr: { values: [0.1, 0.2] }
              model: { parameters: { width: { value: 64 }, kind: { value: unet } } }
            """,
            script: """
                import wandb
                run = wandb.init(config={"lr": 5, "model": {"width": 1}, "own": 3})
                config = run.config
                assert config["lr"] in (0.1, 0.2) and config["own"] == 3, dict(config)
                assert config["model"] == {"width": 64, "kind": "unet"}, dict(config)
                for step in range(5):
                    wandb.log({"loss": config["lr"] / (step + 1), "note": "text"})
                wandb.finish()

                """)
        let rows = try house.query("SELECT key, step, value FROM metrics WHERE key = 'loss' ORDER BY value DESC, step")
        #expect(rows.count == 10, "\(rows)")
        #expect(rows.first?["value"] as? Double == 0.2)
        let top = try house.radiata(["top", "sweep", "--metric", "loss", "--format", "json"])
        #expect(top.status == 0 && top.output.contains("0.02"), "\(top)")
    }
}
