import Foundation
import Glibc
import TestSupport
import Testing

/// The profile `simpletuner` against a stand-in for SimpleTuner (Tests/Trainers/SimpleTuner).
@Suite("SimpleTuner")
struct SimpleTunerTests {
    static let program = SourceTree.path("Tests/Trainers/SimpleTuner/simpletuner")

    private static func json(_ more: [String] = []) -> String {
        let all =
            [
                "\"model_family\": \"flux\"", "\"model_type\": \"lora\"", "\"learning_rate\": 1e-4",
                "\"lora_rank\": 8", "\"train_batch_size\": 1", "\"max_train_steps\": 14",
                "\"checkpoint_step_interval\": 4",
            ] + more
        return "{ " + all.joined(separator: ",\n  ") + " }\n"
    }

    private func bench(_ house: House) throws -> ProfileBench {
        ProfileBench(
            profile: "simpletuner",
            config: try house.folder.write("config.json", Self.json(["\"report_to\": \"wandb\""])),
            values: ["simpletuner": Self.program])
    }

    private func run(
        _ folder: TemporaryFolder, _ more: [String] = [], _ arguments: [String] = [], until text: String? = nil,
        signal: Int32 = SIGKILL, whenSent: () throws -> Void = {}
    ) throws -> BareRun {
        let own = ["\"output_dir\": \"\(folder.path)/out\"", "\"report_to\": \"simpletuner\""]
        let last = more.contains { $0.hasPrefix("\"report_to\"") } ? [own[0]] : own
        _ = try folder.write("config/config.json", Self.json(last + more))
        return try BareRun(
            [Self.program, "train"] + arguments, in: folder, until: text, signal: signal, whenSent: whenSent)
    }

    private func gate(_ folder: TemporaryFolder, _ place: String) -> [String] {
        ["\"stub_gate\": \"\(folder.path)/gate\"", "\"stub_wait\": \"\(place)\""]
    }

    private func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/config", withIntermediateDirectories: true)
        return folder
    }

    @Test(
        "killed inside a checkpoint and behind one, and resumed by other workers: the checkpoints of an undisturbed run"
    )
    func resume() throws {
        let house = try House()
        // The worker alone is killed: its guard has to end the trainer, which is in a session of its own.
        let saved = try bench(house).killTwice(house, at: ("8.state", "11"), states: (4, 8), isWholeMachine: false)
        #expect(saved.map(\.step).sorted() == [4, 8, 12, 14])
        #expect(try house.count("SELECT count(DISTINCT step) FROM metrics WHERE key = 'loss'") == 14)
    }

    @Test("a pause waits for the next checkpoint; 130 is no failure")
    func pause() throws {
        let house = try House()
        try bench(house).pause(house, at: "6", early: "9")
        try house.waitForLog(try house.onlyJob(), "stops after the next training state")
        _ = try house.folder.write("gate", "")
        try house.waitForState("paused")
        try house.waitForState(step: 8)
        _ = try house.folder.write("gate-early", "")
        #expect(try house.radiata(["unpause", "cats"]).status == 0)
        try house.waitForEnd()
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 1)
        #expect(try house.adapters("stub_gate").map(\.step).sorted() == [4, 8, 12, 14])
    }

    @Test("trap: INT ends it with 130, and all since the last checkpoint is lost")
    func trapInterrupt() throws {
        let folder = try folder()
        let ended = try run(folder, gate(folder, "7"), until: "waiting for", signal: SIGINT)
        #expect(ended.status == 130 && !ended.bySignal)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/out/checkpoint-6"))
        #expect(FileManager.default.fileExists(atPath: folder.path + "/out/checkpoint-4/.guard"))
    }

    @Test("trap: 'latest' is the checkpoint with the largest number, whole or not")
    func trapLatest() throws {
        let folder = try folder()
        let held = try run(folder, gate(folder, "8.state"), until: "waiting for") { try killChildren(folder) }
        #expect(held.bySignal)
        let resumed = try run(folder, [], ["--resume_from_checkpoint=latest"])
        #expect(resumed.status == 1 && resumed.output.contains("training_state.json"), "\(resumed.output)")
        #expect(try run(folder, [], ["--resume_from_checkpoint=checkpoint-4"]).status == 0)
    }

    @Test("trap: killed alone, the launcher leaves its trainer behind, which goes on")
    func trapSession() throws {
        let folder = try folder()
        let held = try run(folder, gate(folder, "7"), until: "waiting for") { _ = try folder.write("gate", "") }
        #expect(held.bySignal)
        let end = Date(timeIntervalSinceNow: 60)
        let last = folder.path + "/out/pytorch_lora_weights.safetensors"
        while !FileManager.default.fileExists(atPath: last), Date() < end { usleep(20_000) }
        #expect(FileManager.default.fileExists(atPath: last))
    }

    @Test("trap: another batch size than the checkpoint's is refused")
    func trapBatch() throws {
        let folder = try folder()
        #expect(try run(folder).status == 0)
        let config = Self.json(["\"output_dir\": \"\(folder.path)/out\"", "\"report_to\": \"simpletuner\""])
        _ = try folder.write(
            "config/config.json", config.replacing("\"train_batch_size\": 1", with: "\"train_batch_size\": 2"))
        let resumed = try BareRun(
            [Self.program, "train", "--resume_from_checkpoint=checkpoint-8"], in: folder)
        #expect(resumed.status == 1 && resumed.output.contains("batch size has changed"))
    }

    @Test("trap: W&B without a key asks at a keyboard; the profile logs elsewhere")
    func trapPrompt() throws {
        let ended = try run(try folder(), ["\"report_to\": \"wandb\""])
        #expect(ended.status == 1 && ended.output.contains("EOFError"))
    }

    /// Those of the launcher, which are in a session of their own: they wait at the gate of this folder.
    private func killChildren(_ folder: TemporaryFolder) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(name),
                let target = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/\(name)/cwd"), target == folder.path
            else { continue }
            kill(pid, SIGKILL)
        }
    }
}
