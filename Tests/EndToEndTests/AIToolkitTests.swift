import Foundation
import Glibc
import TestSupport
import Testing

/// The profile `ai-toolkit` against a stand-in for ai-toolkit (Tests/Trainers/ai-toolkit).
@Suite("ai-toolkit")
struct AIToolkitTests {
    static let script = SourceTree.path("Tests/Trainers/ai-toolkit/run.py")

    static func yaml(_ more: String = "", folder: String = "output", save: String = "save_every: 4") -> String {
        """
        job: extension
        config:
          name: cat   # of the file and its folder
          process:
            - type: sd_trainer
              training_folder: "\(folder)"
              device: cuda:0
              network:
                type: lora
                linear: 8
                linear_alpha: 4
              save:
                \(save)
              train:
                steps: 12
                lr: 1e-4
                batch_size: 1
              logging:
                use_ui_logger: true
                log_every: 1
              sample:
                sample_every: 6
                prompts:
                  - "a cat"
        \(more)

        """
    }

    private func bench(_ house: House) throws -> ProfileBench {
        ProfileBench(
            profile: "ai-toolkit", config: try house.folder.write("cat.yaml", Self.yaml()),
            values: ["script": Self.script])
    }

    private func run(
        _ folder: TemporaryFolder, _ more: String = "", _ arguments: [String] = [], save: String = "save_every: 4",
        until text: String? = nil, signal: Int32 = SIGKILL, environment: [String: String] = [:]
    ) throws -> BareRun {
        let config = try folder.write("cat.yaml", Self.yaml(more, folder: folder.path + "/out", save: save))
        return try BareRun(
            [Self.script, config] + arguments, in: folder, until: text, signal: signal, environment: environment)
    }

    private func gate(_ folder: TemporaryFolder, _ place: String) -> String {
        "stub_gate: \(folder.path)/gate\nstub_wait: \(place)"
    }

    private func weights(_ folder: TemporaryFolder, _ name: String = "cat.safetensors") throws -> Data {
        try SavedAdapter.weights("\(folder.path)/out/cat/\(name)")
    }

    @Test(
        "killed before and inside the one optimizer.pt, and resumed by other workers: the checkpoints of an undisturbed run"
    )
    func resume() throws {
        let house = try House()
        let saved = try bench(house).killTwice(
            house, at: ("8.half", "8.optimizer"), states: (4, 4), early: "7")
        #expect(saved.map(\.step).sorted() == [4, 8, 12])
        // Rows that it deletes when it goes on are part of the curve all the same, each step once.
        #expect(try house.count("SELECT count(DISTINCT step) FROM metrics WHERE key = 'loss'") == 12)
        #expect(try house.count("SELECT count(*) FROM metrics WHERE key = 'loss' AND step = 6") == 2)
    }

    @Test("a pause goes through the database: what was trained is saved, and gone on from")
    func pause() throws {
        let house = try House()
        try bench(house).pause(house, at: "6", early: "7")
        try house.waitForLog(try house.onlyJob(), "stops after the next training state")
        _ = try house.folder.write("gate", "")
        try house.waitForState(step: 6)
        _ = try house.folder.write("gate-early", "")
        try house.waitForState("paused")
        let state = try house.query("SELECT max(step) AS s FROM checkpoints WHERE kind = 'state'")
        #expect((state.first?["s"] as? NSNumber)?.intValue ?? 0 >= 6, "\(state)")
        #expect(try house.radiata(["unpause", "cats"]).status == 0)
        try house.waitForEnd()
        let plain = try house.folder.write("plain.yaml", try bench(house).sweep("{ stub_plain: true }"))
        #expect(try house.radiata(["launch", plain, "--yes"]).status == 0)
        try house.waitForEnd()
        #expect(try house.adapters("stub_gate").isSuperset(of: try house.adapters("stub_plain")))
    }

    @Test("INT from outside ends it with 0; without its last file the job is not done, and goes on")
    func interrupted() throws {
        let house = try House()
        try house.startCoordinator()
        let gate = house.folder.path + "/gate"
        let file = try house.folder.write(
            "sweep.yaml", try bench(house).sweep("{ stub_gate: \(gate), stub_wait: '6' }"))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("worker")
        let job = try house.onlyJob()
        try house.waitForState(step: 4)
        try house.waitAtGate(job, attempt: 1)
        let work = house.folder.path + "/worker"
        let record = try #require(
            FileManager.default.subpaths(atPath: work)?.first { $0.hasSuffix("/process") })
        let text = try String(contentsOfFile: "\(work)/\(record)", encoding: .utf8)
        let pid = try #require(text.split(separator: " ").first.flatMap { Int32($0) })
        kill(pid, SIGINT)
        try house.waitForEnd()
        let row = try #require(try house.query("SELECT state, attempts FROM jobs").first)
        #expect(row["state"] as? String == "done" && (row["attempts"] as? NSNumber)?.intValue ?? 0 == 2, "\(row)")
        #expect(try house.radiata(["show", job]).output.contains("exited 0 but left no "))
    }

    @Test("trap: INT ends it with 0, without a save and without the last file; with -r the next file begins")
    func trapInterrupt() throws {
        let folder = try TemporaryFolder()
        let ended = try run(folder, gate(folder, "6"), until: "waiting for", signal: SIGINT)
        #expect(ended.status == 0 && !ended.bySignal)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out/cat")
        #expect(!names.contains("cat.safetensors") && !names.contains("cat_000000006.safetensors"))
        let other = try TemporaryFolder()
        let next = try other.write("next.yaml", Self.yaml(folder: other.path + "/next"))
        let both = try run(other, gate(other, "6"), [next, "-r"], until: "waiting for", signal: SIGINT)
        #expect(both.status == 0)
        #expect(FileManager.default.fileExists(atPath: other.path + "/next/cat/cat.safetensors"))
    }

    @Test("trap: killed between the two files of a save, it goes on with weights and an optimizer of different steps")
    func trapOptimizer() throws {
        let whole = try TemporaryFolder()
        #expect(try run(whole).status == 0)
        for place in ["8.optimizer", "8.half"] {
            let folder = try TemporaryFolder()
            #expect(try run(folder, gate(folder, place), until: "waiting for").bySignal)
            let resumed = try run(folder)
            #expect(resumed.status == 0 && resumed.output.contains("cat_000000008.safetensors ####"))
            #expect(resumed.output.contains("Failed to load optimizer") == (place == "8.half"))
            #expect(try weights(folder) != weights(whole))
        }
    }

    @Test(
        "trap: it goes on from what was made last in its folder, of whichever step and job; from the last file it ends")
    func trapNewest() throws {
        let whole = try TemporaryFolder()
        #expect(try run(whole).status == 0)
        func copied(_ names: [(String, String)]) throws -> BareRun {
            let folder = try TemporaryFolder()
            try FileManager.default.createDirectory(
                atPath: folder.path + "/out/cat", withIntermediateDirectories: true)
            for (name, target) in names {
                try FileManager.default.copyItem(
                    atPath: "\(whole.path)/out/cat/\(name)", toPath: "\(folder.path)/out/cat/\(target)")
                // Another time of the inode's change.
                usleep(20_000)
            }
            return try run(folder)
        }
        let (four, eight) = ("cat_000000004.safetensors", "cat_000000008.safetensors")
        #expect(try copied([(eight, eight), (four, four)]).output.contains(four + " ####"))
        #expect(try copied([(four, four), (eight, "cats-of-another-job.safetensors")]).output.contains("another-job"))
        let final = try copied([(four, four), ("cat.safetensors", "cat.safetensors")])
        #expect(final.status == 0 && !final.output.contains("_000000008"))
    }

    @Test("trap: rows behind the step that it goes on from are deleted from its log")
    func trapRows() throws {
        let folder = try TemporaryFolder()
        #expect(try run(folder, gate(folder, "8"), until: "waiting for").bySignal)
        let log = folder.path + "/out/cat/loss_log.db"
        let count =
            "import sqlite3, sys; print('rows', sqlite3.connect(sys.argv[1]).execute("
            + "\"SELECT max(step) FROM metrics\").fetchone()[0])"
        #expect(try BareRun(["-c", count, log], in: folder).output.contains("rows 7"))
        #expect(
            try run(
                folder, gate(folder, "100").replacing("stub_wait", with: "stub_resumed_wait: '6' #"),
                until: "waiting for"
            ).bySignal)
        #expect(try BareRun(["-c", count, log], in: folder).output.contains("rows 5"))
    }

    @Test("trap: the order of the data is not restored; with more than one picture a resumed run ends elsewhere")
    func trapOrder() throws {
        let (whole, folder) = (try TemporaryFolder(), try TemporaryFolder())
        #expect(try run(whole, "stub_pictures: 5").status == 0)
        #expect(try run(folder, "stub_pictures: 5\n" + gate(folder, "6"), until: "waiting for").bySignal)
        #expect(try run(folder, "stub_pictures: 5").status == 0)
        #expect(try weights(folder) != weights(whole))
    }

    @Test("trap: it asks for a login where it shall push; the job fails as badly configured, with the remedy")
    func trapLogin() throws {
        let folder = try TemporaryFolder()
        let bare = try run(folder, save: "push_to_hub: true")
        #expect(bare.status == 1 && bare.output.contains("EOFError"))
        let missing = try run(folder, "meta: \"${NO_SUCH_VARIABLE}\"")
        #expect(missing.status == 1 && missing.output.contains("NO_SUCH_VARIABLE"))
        let house = try House()
        try house.startCoordinator()
        let point = "{ \"config.process[0].save.push_to_hub\": true }"
        let file = try house.folder.write("sweep.yaml", try bench(house).sweep(point))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("worker")
        try house.waitForEnd()
        let shown = try house.radiata(["show", try house.onlyJob()]).output
        #expect(
            shown.contains("bad-config") && shown.contains("Enter your token") && shown.contains("HF_TOKEN"), "\(shown)"
        )
    }
}
