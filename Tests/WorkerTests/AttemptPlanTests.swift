import Ports
import RunSpec
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker

@Suite("Attempt plans")
struct AttemptPlanTests {
    private static let place = AttemptPlace(path: "/w/attempts/a [1]")

    private func plan(
        _ trainer: CommandTrainer, given: [String: ParameterValue] = [:], resume: StoredCheckpoint? = nil,
        environment: [String: String] = [:]
    ) throws -> AttemptPlan {
        let job = JobID(ContentDigest.of("job"))
        let resolved = ResolvedJob(
            id: job, configuration: ConfigurationID(job.digest), sweep: try #require(SweepName("sweep")), group: "g",
            trainer: .command(trainer), given: given, parameters: [:], seed: 7)
        let token = AttemptToken(ledger: "l", epoch: 1, job: job, attempt: AttemptNumber(3))
        return try AttemptPlan(
            Grant(token: token, job: resolved, leaseSeconds: 60, resume: resume), place: Self.place,
            AttemptSurroundings(
                base: "/inputs/base", data: "/inputs/data", threads: 2, gpus: [GPUDevice(index: "1")],
                vendors: [.nvidia], program: "/bin/radiata", environment: environment))
    }

    @Test("every name of a command is filled in: parameters, places, seed, attempt, machine")
    func names() throws {
        let trainer = CommandTrainer(command: [
            "train", "{lr}", "{out}", "{seed}", "{attempt}", "{gpus}", "{threads}", "{base}", "{data}", "{job}",
        ])
        let order = try plan(trainer, given: ["lr": .number(1e-4)]).order
        #expect(order.program == "train")
        #expect(
            order.arguments == [
                "train", "0.0001", Self.place.out, "7", "3", "1", "2", "/inputs/base", "/inputs/data",
                Self.place.path + "/job.json",
            ])
        #expect(order.folder == Self.place.out && order.record == Self.place.path + "/process")
    }

    @Test("the arguments for a resume are added only where there is a state, and name what was restored")
    func resume() throws {
        let trainer = CommandTrainer(command: ["train"], resume: ["--from", "{checkpoint}"])
        #expect(try plan(trainer).order.arguments == ["train"])
        let file = BlobFile(name: "state-4/model.bin", sha256: ContentDigest.of("s").text, bytes: 1)
        let state = StoredCheckpoint(name: "step-00000004", step: 4, epoch: 0, files: [file])
        let arguments = try plan(trainer, resume: state).order.arguments
        #expect(arguments == ["train", "--from", AttemptFolder(Self.place.out).resume + "/state-4"])
    }

    @Test("a text value that begins with a dash does not become an option of its own")
    func options() throws {
        let trainer = CommandTrainer(command: ["train", "{name}"])
        let error = #expect(throws: WorkerError.self) { try plan(trainer, given: ["name": .text("--output=/etc")]) }
        #expect(error?.code == .badJob)
        #expect(error?.message.contains("--output=/etc") == true)
        let joined = try plan(CommandTrainer(command: ["train", "--name={name}"]), given: ["name": .text("-x")])
        #expect(joined.order.arguments == ["train", "--name=-x"])
    }

    @Test("an empty command and a name that nothing fills are refused")
    func refused() throws {
        #expect(throws: WorkerError.self) { try plan(CommandTrainer(command: [])) }
        #expect(throws: SweepModelError.self) { try plan(CommandTrainer(command: ["train", "{nowhere}"])) }
    }

    @Test("a trainer gets what programs need of the environment, its own names, and no token")
    func environment() throws {
        let trainer = CommandTrainer(command: ["train"], env: ["RUN": "{seed}"])
        let found = try plan(
            trainer, environment: ["PATH": "/bin", "LC_ALL": "C", "RADIATA_TOKEN": "radiata_x", "SECRET": "y"]
        ).order.environment
        #expect(found["PATH"] == "/bin" && found["LC_ALL"] == "C" && found["RUN"] == "7")
        #expect(found["RADIATA_TOKEN"] == nil && found["SECRET"] == nil)
        #expect(found["OMP_NUM_THREADS"] == "2" && found["RADIATA_ATTEMPT"] == "3")
    }

    @Test("a template is written below the output folder only, and its text values are escaped for its format")
    func templates() throws {
        func trainer(_ to: String) -> CommandTrainer {
            CommandTrainer(command: ["train"], files: [.init(from: "t", to: to, content: "name = \"{name}\"")])
        }
        let given: [String: ParameterValue] = ["name": .text("a \"b\" \\ c")]
        let toml = try plan(trainer("{out}/run.toml"), given: given).files
        #expect(toml.map(\.path) == [Self.place.path + "/job.json", Self.place.out + "/run.toml"])
        #expect(toml.last?.text == #"name = "a \"b\" \\ c""#)
        #expect(try plan(trainer("{out}/run.txt"), given: given).files.last?.text == #"name = "a "b" \ c""#)
        for outside in ["/etc/passwd", "{out}/../x", "{out}"] {
            #expect(throws: WorkerError.self, "\(outside)") { try plan(trainer(outside), given: given) }
        }
    }

    @Test("brackets in the folder's name are no part of a checkpoint rule's pattern; metric files keep theirs")
    func patterns() throws {
        let trainer = CommandTrainer(
            command: ["train"], metrics: [.init(kind: .jsonl, path: "{out}/m.jsonl", step: "global_step")],
            checkpoints: [.init(glob: "{out}/ck-[0-9]*", step: nil, kind: .adapter, quiet: 5)])
        let plan = try plan(trainer)
        #expect(
            plan.metrics.map(\.path) == [Self.place.out + "/m.jsonl"] && plan.metrics.map(\.step) == ["global_step"])
        #expect(plan.rules.map(\.glob) == [#"/w/attempts/a \[1]/out/ck-[0-9]*"#])
        #expect(plan.rules.map(\.quiet) == [.seconds(5)] && !plan.isCore)
    }
}
