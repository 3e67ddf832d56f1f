import Foundation
import Glibc
import Ports
import RunSpec
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker

@Suite("The configuration file of an attempt")
struct AttemptConfigTests {
    private static let place = AttemptPlace(path: "/w/attempts/a")

    private func plan(
        _ trainer: CommandTrainer, given: [String: ParameterValue] = [:], name: String? = "lr1-ab12cd",
        resume: StoredCheckpoint? = nil, port: Int = 4321
    ) throws -> AttemptPlan {
        let job = JobID(ContentDigest.of("job"))
        let resolved = ResolvedJob(
            id: job, configuration: ConfigurationID(job.digest), sweep: try #require(SweepName("cats")), group: "grid",
            name: name, trainer: .command(trainer), given: given, parameters: given, seed: 7)
        let token = AttemptToken(ledger: "l", epoch: 1, job: job, attempt: AttemptNumber(3))
        return try AttemptPlan(
            Grant(token: token, job: resolved, leaseSeconds: 60, resume: resume), place: Self.place,
            AttemptSurroundings(threads: 2, program: "radiata", environment: [:], port: port))
    }

    private func kohya(_ set: [CommandTrainer.Setting] = [], target: String? = nil) -> CommandTrainer {
        let toml = "network_dim = 4 # small\nunet_lr = 1e-4\n[more]\nnetwork_args = [\"algo=lora\"]\nseed = 1\n"
        return CommandTrainer(
            command: ["train", "--config_file={config}", "--port={master_port}"],
            config: .init(
                sources: [.init(from: "my/cat.toml", content: toml)], target: target, isFlat: true,
                pairs: ["network_args"], set: set))
    }

    @Test("parameters are set at their own path, settings after them; the command gets the file's path")
    func settings() throws {
        let set: [CommandTrainer.Setting] = [
            .init(path: "seed", value: "{seed}"), .init(path: "output_name", value: "{name}"),
            .init(path: "output_dir", value: "{out}/model"), .init(path: "unet_lr", value: 9, isDefault: true),
            .init(path: "save_every_n_epochs", value: 1, isDefault: true), .init(path: "left_out", value: "{absent}"),
        ]
        let plan = try plan(
            kohya(set), given: ["network_dim": 8, "network_args.conv_dim": 2, "gradient_checkpointing": true])
        #expect(plan.order.arguments == ["train", "--config_file=\(Self.place.out)/config.toml", "--port=4321"])
        let file = try #require(plan.files.last)
        #expect(file.path == Self.place.out + "/config.toml")
        #expect(
            file.text == """
                save_every_n_epochs = 1
                output_dir = "/w/attempts/a/out/model"
                output_name = "lr1-ab12cd"
                gradient_checkpointing = true
                network_dim = 8 # small
                unet_lr = 1e-4
                [more]
                network_args = ["algo=lora", "conv_dim=2"]
                seed = 7

                """)
    }

    @Test("a parameter that a text names is not set; one in braces alone keeps its type")
    func named() throws {
        var trainer = kohya([.init(path: "network_dim", value: "{rank}"), .init(path: "comment", value: "rank {rank}")])
        trainer.command.append("{lr}")
        let text = try #require(try plan(trainer, given: ["rank": 32, "lr": 1]).files.last?.text)
        #expect(text.contains("network_dim = 32 # small") && text.contains("comment = \"rank 32\""))
        #expect(!text.contains("rank = 32\nrank") && !text.contains("lr = 1\n"))
    }

    @Test("what cannot be set fails the job as badly configured, with the path")
    func refused() throws {
        let error = #expect(throws: WorkerError.self) { try plan(kohya(), given: ["network_dim.x": 1]) }
        #expect(error?.code == .badJob && error?.message.contains("network_dim.x") == true)
        #expect(throws: WorkerError.self) { try plan(kohya(target: "/etc/config.toml")) }
    }

    @Test(
        "names of the job, its sweep and group, and of the state gone on from; a parameter of such a name comes first")
    func names() throws {
        let state = StoredCheckpoint(
            name: "state-epoch-00000003", step: 12, epoch: 3,
            files: [BlobFile(name: "s/x", sha256: ContentDigest.of("s").text, bytes: 1)])
        let trainer = CommandTrainer(
            command: ["x", "{name}", "{sweep}", "{group}", "{seed}"],
            resume: ["{checkpoint_step}", "{checkpoint_epoch}", "{next_epoch}"])
        #expect(
            try plan(trainer, resume: state).order.arguments == [
                "x", "lr1-ab12cd", "cats", "grid", "7", "12", "3", "4",
            ])
        #expect(try plan(trainer, given: ["name": "own"]).order.arguments[1] == "own")
        #expect(try plan(trainer, name: nil).order.arguments[1] == JobID(ContentDigest.of("job")).short)
    }

    @Test("values of the trainer stand for names that no parameter has")
    func values() throws {
        let trainer = CommandTrainer(command: ["{program}", "{lr}"], values: ["program": "/bin/x", "lr": "no"])
        #expect(try plan(trainer, given: ["lr": 1]).order.arguments == ["/bin/x", "1"])
    }

    // MARK: What a finished job leaves

    private func safetensors(_ path: String, _ metadata: String) throws {
        let header = Array("{\"__metadata__\": \(metadata)}".utf8)
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
        try DiskFiles().writeAtomically(length + header, to: path)
    }

    @Test("numbers are read in headers and JSON files, also inside text that is JSON; what cannot be read is none")
    func numbers() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/a.safetensors"
        try safetensors(file, #"{"ss_steps": "12", "training_info": "{\"step\": 30, \"epoch\": 2}", "odd": "x"}"#)
        func header(_ key: String, _ path: String) -> Double? {
            FileNumbers.number(.init(key: key), in: BytePath(path))
        }
        #expect(header("ss_steps", file) == 12 && header("training_info.step", file) == 30)
        #expect(header("odd", file) == nil && header("none", file) == nil && header("ss_steps", folder.path) == nil)
        for bytes in [[], [1, 2, 3], [255, 255, 255, 255, 255, 255, 255, 255], [9, 0, 0, 0, 0, 0, 0, 0, 1]] as [[UInt8]]
        {
            try DiskFiles().writeAtomically(bytes, to: folder.path + "/bad")
            #expect(header("ss_steps", folder.path + "/bad") == nil)
        }
        _ = try folder.write("train_state.json", "{\"current_step\": 5}")
        #expect(
            FileNumbers.number(.init(file: "train_state.json", key: "current_step"), in: BytePath(folder.path)) == 5)
        #expect(FileNumbers.number(.init(file: "none.json", key: "x"), in: BytePath(folder.path)) == nil)
    }

    @Test("a job is done when its file is there and says that it went to the end")
    func done() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/a.safetensors"
        func look(_ target: Double?) -> (isThere: Bool, missing: String) {
            DonePlan(file: file, header: "ss_epoch", target: target).look()
        }
        #expect(!look(5).isThere && look(5).missing == "left no a.safetensors")
        try safetensors(file, #"{"ss_epoch": "3"}"#)
        #expect(!look(5).isThere && look(5).missing == "its a.safetensors says ss_epoch 3 of 5")
        #expect(look(3).isThere && look(nil).isThere)
        // Written without metadata: the file itself is what there is.
        try safetensors(file, "{}")
        #expect(look(5).isThere)
        try DiskFiles().writeAtomically([1, 2], to: file)
        #expect(!look(5).isThere)
    }

    @Test("a safetensors file is whole when it is as long as its header says, at no byte before and none after")
    func whole() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.safetensors"
        let header = Array(#"{"__metadata__":{"a":"b"},"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#.utf8)
        let bytes = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + [1, 2, 3]
        for count in 0...bytes.count {
            try DiskFiles().writeAtomically(Array(bytes[..<count]), to: path)
            #expect(FileNumbers.isWhole(BytePath(path)) == (count == bytes.count), "\(count)")
        }
        try DiskFiles().writeAtomically(bytes + [0], to: path)
        #expect(FileNumbers.isWhole(BytePath(path)) == false)
    }
}
