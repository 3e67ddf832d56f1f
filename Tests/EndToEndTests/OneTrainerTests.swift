import Foundation
import Glibc
import TestSupport
import Testing

/// The profile `onetrainer` against a stand-in for OneTrainer (Tests/Trainers/OneTrainer).
@Suite("OneTrainer")
struct OneTrainerTests {
    static let script = SourceTree.path("Tests/Trainers/OneTrainer/scripts/train.py")

    private static func json(_ more: [String] = []) -> String {
        let all =
            [
                "\"training_method\": \"LORA\"", "\"epochs\": 4", "\"learning_rate\": 3e-4", "\"lora_rank\": 8",
                "\"lora_alpha\": 4.0", "\"save_every\": 1", "\"save_every_unit\": \"EPOCH\"",
            ] + more
        return "{ " + all.joined(separator: ",\n  ") + " }\n"
    }

    private func bench(_ house: House) throws -> ProfileBench {
        ProfileBench(
            profile: "onetrainer", config: try house.folder.write("cat.json", Self.json()),
            values: ["script": Self.script])
    }

    /// In a workspace of its own, as a person would have it.
    private static func own(_ folder: TemporaryFolder, _ more: [String] = []) -> String {
        let path = folder.path
        return json(
            [
                "\"workspace_dir\": \"\(path)/work\"", "\"cache_dir\": \"\(path)/cache\"",
                "\"output_model_destination\": \"\(path)/cat.safetensors\"", "\"continue_last_backup\": true",
                "\"backup_after\": 1", "\"backup_after_unit\": \"EPOCH\"",
            ] + (more.contains { $0.hasPrefix("\"tensorboard\"") } ? [] : ["\"tensorboard\": false"]) + more)
    }

    private func run(
        _ folder: TemporaryFolder, _ json: String, until text: String? = nil, signal: Int32 = SIGKILL,
        whenSent: () throws -> Void = {}
    ) throws -> BareRun {
        let config = try folder.write("config.json", json)
        return try BareRun(
            [Self.script, "--config-path", config], in: folder, until: text, signal: signal, whenSent: whenSent)
    }

    private func gate(_ folder: TemporaryFolder, _ place: String) -> [String] {
        ["\"stub_gate\": \"\(folder.path)/gate\"", "\"stub_wait\": \"\(place)\""]
    }

    @Test(
        "killed inside a backup and inside an epoch, and resumed by other workers: the checkpoints of an undisturbed run"
    )
    func resume() throws {
        let house = try House()
        let saved = try bench(house).killTwice(house, at: ("8.backup", "11"), states: (4, 8))
        #expect(saved.map(\.step).sorted() == [4, 8, 12, 16])
        #expect(try house.count("SELECT count(DISTINCT step) FROM metrics WHERE key = 'loss'") == 16)
    }

    @Test("a pause makes a backup; the last file that it writes then too is no result, and the job goes on")
    func pause() throws {
        let house = try House()
        try bench(house).pause(house, at: "6")
        try house.waitForLog(try house.onlyJob(), "stops after this step")
        _ = try house.folder.write("gate", "")
        try house.waitForState("paused")
        #expect(try house.count("SELECT count(*) FROM checkpoints WHERE final") == 0)
        let state = try house.query("SELECT max(step) AS s FROM checkpoints WHERE kind = 'state'")
        #expect((state.first?["s"] as? NSNumber)?.intValue ?? 0 >= 5, "\(state)")
        #expect(try house.radiata(["unpause", "cats"]).status == 0)
        try house.waitForEnd()
        let plain = try house.folder.write("plain.yaml", try bench(house).sweep("{ stub_plain: true }"))
        #expect(try house.radiata(["launch", plain, "--yes"]).status == 0)
        try house.waitForEnd()
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 2)
        #expect(try house.adapters("stub_gate") == house.adapters("stub_plain"))
    }

    @Test("trap: INT leaves the last file and exits with 0, as if the run were done")
    func trapInterrupt() throws {
        let folder = try TemporaryFolder()
        let ended = try run(
            folder, Self.own(folder, gate(folder, "6")), until: "waiting for", signal: SIGINT,
            whenSent: { _ = try folder.write("gate", "") })
        #expect(ended.status == 0 && !ended.bySignal)
        #expect(FileManager.default.fileExists(atPath: folder.path + "/cat.safetensors"))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/work/backup")
        #expect(names.sorted().last?.contains("-backup-5-1-1") == true, "\(names)")
        let other = try TemporaryFolder()
        let term = try run(other, Self.own(other, gate(other, "6")), until: "waiting for", signal: SIGTERM)
        #expect(term.bySignal && term.status == SIGTERM)
    }

    @Test("trap: a backup that was cut short is the last by name, and it dies of it")
    func trapHalfBackup() throws {
        let folder = try TemporaryFolder()
        #expect(try run(folder, Self.own(folder, gate(folder, "8.backup")), until: "waiting for").bySignal)
        let resumed = try run(folder, Self.own(folder))
        #expect(resumed.status == 1 && resumed.output.contains("meta.json"), "\(resumed.output)")
    }

    @Test("trap: a backup for which there was no room is a printed line; the job is not done by that")
    func trapSwallowed() throws {
        let folder = try TemporaryFolder()
        let ended = try run(folder, Self.own(folder, ["\"stub_disk_full\": true"]))
        #expect(ended.status == 0 && ended.output.contains("Could not save backup"))
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/work/backup")) ?? []
        #expect(names.isEmpty, "\(names)")
        let house = try House()
        try house.startCoordinator()
        let file = try house.folder.write(
            "sweep.yaml",
            try bench(house).sweep("{ stub_disk_full: true }", more: "retries: { crash: 0, disk-full: 0 }"))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("worker")
        try house.waitForEnd()
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 0)
        #expect(try house.radiata(["show", try house.onlyJob()]).output.contains("came to epoch 3 of 4"))
    }

    @Test("trap: a second run empties the cache of the first, and finds its port taken; jobs have their own")
    func trapSharing() throws {
        let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
        let port = try House().port
        let server = ["\"tensorboard\": true", "\"stub_port\": \(port)"]
        let first = try run(
            folder, Self.own(folder, gate(folder, "3") + server), until: "waiting for", signal: 0,
            whenSent: {
                let shared = Self.own(other, server).replacing("\(other.path)/cache", with: "\(folder.path)/cache")
                let second = try run(other, shared)
                #expect(second.status == 0 && second.output.contains("could not bind to port"), "\(second.output)")
                _ = try folder.write("gate", "")
            })
        #expect(first.status == 1 && first.output.contains("FileNotFoundError"), "\(first.output)")
        let house = try House()
        try house.startCoordinator()
        let points = "{ lora_rank: 4, stub_port: \(port) }, { lora_rank: 16, stub_port: \(port) }"
        let file = try house.folder.write("sweep.yaml", try bench(house).sweep(points, seeds: "[1, 2]"))
        #expect(try house.radiata(["launch", file]).status == 0)
        _ = try house.startWorker("a")
        _ = try house.startWorker("b")
        try house.waitForEnd()
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 4)
        for row in try house.query("SELECT id FROM jobs") {
            let log = try house.radiata(["logs", try #require(row["id"] as? String)]).output
            #expect(!log.contains("could not bind") && log.contains("Saving"), "\(log)")
        }
    }

    @Test("trap: a loss that is no number ends it with 1 and a backup")
    func trapNaN() throws {
        let folder = try TemporaryFolder()
        let ended = try run(folder, Self.own(folder, ["\"stub_nan\": 6"]))
        #expect(ended.status == 1 && ended.output.contains("became NaN"))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/cat.safetensors"))
    }
}
