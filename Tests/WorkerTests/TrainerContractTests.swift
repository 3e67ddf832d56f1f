import Foundation
import Glibc
import Ports
import RunSpec
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker
import WorkerCore

/// An attempt that goes on from a state, with the files of its trainer.
private final class Bench {
    let folder: TemporaryFolder
    let place: AttemptPlace
    let plan: AttemptPlan
    var scan: CheckpointScan
    private var now = MonotonicTime.zero
    private static let job = JobID(ContentDigest.of("job"))

    init(_ trainer: CommandTrainer, resume: (name: String, step: Int, epoch: Int)? = nil) throws {
        folder = try TemporaryFolder()
        place = AttemptPlace(path: folder.path + "/attempt")
        try DiskFiles().makeFolder(place.out)
        let resolved = ResolvedJob(
            id: Self.job, configuration: ConfigurationID(Self.job.digest), sweep: try #require(SweepName("cats")),
            group: "g", name: "a1", trainer: .command(trainer), given: [:], parameters: [:], seed: 1)
        let state = resume.map { resume in
            StoredCheckpoint(
                name: "state", step: resume.step, epoch: resume.epoch,
                files: [BlobFile(name: resume.name, sha256: ContentDigest.of("s").text, bytes: 1)])
        }
        plan = try AttemptPlan(
            Grant(
                token: AttemptToken(ledger: "l", epoch: 1, job: Self.job, attempt: AttemptNumber(2)), job: resolved,
                leaseSeconds: 60, resume: state), place: place,
            AttemptSurroundings(threads: 1, program: "radiata", environment: [:]))
        scan = CheckpointScan(
            plan, place: place, files: DiskFiles(), resumedStep: resume?.step ?? 0, resumedEpoch: resume?.epoch ?? 0)
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let path = place.out + "/" + name
        try DiskFiles().makeFolder(URL(fileURLWithPath: path).deletingLastPathComponent().path)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// Metadata alone: such a file is as long as its header says.
    func safetensors(_ name: String, _ metadata: String = "{}") throws {
        let header = Array("{\"__metadata__\": \(metadata)}".utf8)
        try write(name, withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header)
    }

    /// As torch saves, with nothing in it.
    static let archive =
        Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 7, count: 30) + Array("PK\u{5}\u{6}".utf8)
        + [UInt8](repeating: 0, count: 18)

    func running(step: Int? = nil, epochs: [Int: Int] = [:]) throws -> [FoundCheckpoint] {
        now = now + .seconds(1)
        return try scan.look(
            .init(now: now, leader: getpid(), isTrusted: false, newestStep: step, epochSteps: epochs)
        ) { _ in false }.found
    }
}

extension [FoundCheckpoint] {
    fileprivate var names: [String] { map(\.name) }
}

@Suite("What profiles of trainers ask of the worker")
struct TrainerContractTests {
    private typealias Rule = CommandTrainer.CheckpointRule

    @Test("a file that matches share belongs to the newest match, once it is younger and whole")
    func companions() throws {
        var state = Rule(glob: "{out}/m/a_*.safetensors", step: "_([0-9]+)", kind: .state, complete: "self")
        state.with = ["optimizer.pt"]
        let bench = try Bench(CommandTrainer(command: ["x"], checkpoints: [state]))
        try bench.safetensors("m/a_4.safetensors")
        #expect(try bench.running().isEmpty)
        try bench.write("m/optimizer.pt", Array(Bench.archive.dropLast(5)))
        #expect(try bench.running().isEmpty)
        try bench.write("m/optimizer.pt", Bench.archive)
        let first = try bench.running()
        #expect(first.names == ["state-00000004"])
        #expect(first.first?.manifest.files.map(\.name) == ["a_4.safetensors", "optimizer.pt"])
        // The next weights are there, and the optimizer is still that of the last.
        usleep(20_000)
        try bench.safetensors("m/a_8.safetensors")
        #expect(try bench.running().isEmpty)
        usleep(20_000)
        try bench.write("m/optimizer.pt", Bench.archive + [])
        // The older match is not taken anew with an optimizer that is not its own.
        #expect(try bench.running().names == ["state-00000008"])
    }

    @Test("what counts from the attempt's beginning gets the step and the epoch that it goes on from")
    func bases() throws {
        var adapter = Rule(
            glob: "{out}/m/a-[0-9].safetensors", step: nil, epoch: "-([0-9])",
            stepField: .init(key: "ss_steps", isOfAttempt: true), kind: .adapter, complete: "self")
        adapter.isEpochOfAttempt = true
        var state = Rule(
            glob: "{out}/m/a-*-state", step: nil, epoch: "-([0-9])-state",
            stepField: .init(key: "ss_steps", isOfAttempt: true, beside: ["-state", ".safetensors"]), kind: .state,
            complete: "done")
        state.isEpochOfAttempt = true
        let bench = try Bench(
            CommandTrainer(command: ["x"], checkpoints: [state, adapter]), resume: ("a-2-state", 8, 2))
        try bench.safetensors("m/a-1.safetensors", #"{"ss_steps": "4"}"#)
        try bench.write("m/a-1-state/weights", [1])
        try bench.write("m/a-1-state/done", [1])
        let found = try bench.running()
        // What is delivered comes before the state behind which nobody makes it again.
        #expect(found.names == ["epoch-00000003", "state-epoch-00000003"])
        #expect(found.map(\.manifest.step) == [12, 12] && found.map(\.manifest.epoch) == [3, 3])
    }

    @Test("passed: a state counts when a later step was logged, an epoch's adapter when its epoch was, at that step")
    func passed() throws {
        let rules = [
            Rule(glob: "{out}/r/*/state*", step: "state([0-9]+)", kind: .state, complete: "passed"),
            Rule(glob: "{out}/r/*/epoch*", step: nil, epoch: "epoch([0-9]+)", kind: .adapter, complete: "passed"),
        ]
        let bench = try Bench(CommandTrainer(command: ["x"], checkpoints: rules))
        try bench.write("r/x/state4/s", [1])
        #expect(try bench.running(step: 4).isEmpty)
        try bench.write("r/x/epoch1/a.safetensors", [1])
        #expect(try bench.running(step: 4).isEmpty)
        let found = try bench.running(step: 6, epochs: [1: 4])
        #expect(found.names == ["epoch-00000001", "state-00000004"] && found.map(\.manifest.step) == [4, 4])
    }

    @Test("a number in the path stands in a folder's name; what was restored is not taken again")
    func paths() throws {
        let rules = [
            Rule(glob: "{out}/m/ck-*/a.safetensors", step: "ck-([0-9]+)/", kind: .adapter, complete: "self"),
            Rule(glob: "{out}/m/ck-*", step: "^ck-([0-9]+)$", kind: .state, complete: ".guard"),
        ]
        let bench = try Bench(
            CommandTrainer(command: ["x"], checkpoints: rules, restore: "{out}/m"), resume: ("ck-4", 4, 0))
        #expect(bench.plan.values["checkpoint"] == bench.place.out + "/m/ck-4")
        for step in [4, 8] {
            try bench.safetensors("m/ck-\(step)/a.safetensors")
            try bench.write("m/ck-\(step)/.guard", [1])
        }
        #expect(try bench.running().names == ["step-00000008", "state-00000008"])
    }

    @Test("a resumed attempt is told what is left, and files that only it needs; nothing left is a fault")
    func remainder() throws {
        let toml = "max_train_epochs = 5\nmax_train_steps = 20\n"
        func trainer(_ remainder: [CommandTrainer.Remainder]) -> CommandTrainer {
            CommandTrainer(
                command: ["x", "{config}"],
                files: [.init(from: "", to: "{out}/latest", content: "step{checkpoint_step}", isForResume: true)],
                config: .init(sources: [.init(from: "c.toml", content: toml)]),
                done: .init(file: "{out}/a", epoch: "max_train_epochs"), remainder: remainder)
        }
        let both: [CommandTrainer.Remainder] = [
            .init(path: "max_train_epochs", counter: .epoch), .init(path: "max_train_steps", counter: .step),
            .init(path: "not_there", counter: .step),
        ]
        let fresh = try Bench(trainer(both)).plan
        #expect(fresh.files.count == 2 && fresh.files[1].text == toml && fresh.done?.epoch == 5)
        let resumed = try Bench(trainer(both), resume: ("s", 8, 2)).plan
        #expect(resumed.files[1].text == "max_train_epochs = 3\nmax_train_steps = 12\n")
        #expect(resumed.files[2].text == "step8" && resumed.done?.epoch == 5)
        let error = #expect(throws: WorkerError.self) { try Bench(trainer(both), resume: ("s", 20, 5)) }
        #expect(error?.code == .badJob && error?.message.contains("nothing is left to train") == true)
    }

    @Test("done: the file, and the step and the epoch that it came to")
    func done() throws {
        let folder = try TemporaryFolder()
        let done = DonePlan(file: folder.path + "/a", header: nil, target: nil, step: 12, epoch: 3)
        #expect(done.look(step: 12, epoch: 3).missing == "left no a")
        _ = try folder.write("a", "x")
        #expect(done.look(step: 11, epoch: 3).missing == "came to step 11 of 12")
        #expect(done.look(step: 12, epoch: 2).missing == "came to epoch 2 of 3")
        #expect(done.look(step: 12, epoch: 3).isThere)
    }

    @Test(
        "exit codes after a stop: those of the profile, and 128 with the signal, mean stopped; without one they do not")
    func exits() {
        var end = TrainerEnd(exit: ProcessExit(code: 1), isCore: false, wasAskedToStop: true)
        end.stopExits = [1, 130]
        #expect(ExitClassifier.end(of: end) == .stopped)
        end.wasAskedToStop = false
        #expect(ExitClassifier.end(of: end) != .stopped)
        end.wasAskedToStop = true
        end.exit = ProcessExit(code: 2)
        #expect(ExitClassifier.end(of: end) != .stopped)
    }
}

@Suite("Questions at a keyboard")
struct QuestionTests {
    @Test(
        "known questions name their remedy",
        arguments: [
            ("wandb: Enter your choice: ", "WANDB_MODE=offline"), ("Username for 'https://github.com': ", "git"),
            ("Enter your token (input will not be visible): ", "HF_TOKEN"), ("cat@host's password: ", "ssh"),
            ("Overwrite out/? [y/N] ", "--yes"), ("Password: ", "password"),
        ])
    func known(_ line: String, _ remedy: String) throws {
        #expect(try #require(Prompt.asking(line)).message.contains(remedy))
    }

    @Test(
        "a bar, a sentence and a log line are no questions",
        arguments: [
            "steps: 12%|#  | 12/100 [00:01<00:09, 9.1it/s, loss=0.1]", "loading the model", "epoch 3 of 5: done", "",
        ])
    func other(_ line: String) { #expect(Prompt.asking(line) == nil) }

    @Test("a question is waited on only when nothing moves for a while")
    func watch() {
        var watch = PromptWatch()
        let start = MonotonicTime.zero
        #expect(watch.look("go on? [y/N] ", bytes: 10, step: 1, now: start) == nil)
        #expect(watch.look("go on? [y/N] ", bytes: 10, step: 1, now: start + .seconds(19)) == nil)
        #expect(watch.look("go on? [y/N] ", bytes: 10, step: 2, now: start + .seconds(21)) == nil)
        #expect(watch.look("go on? [y/N] ", bytes: 10, step: 2, now: start + .seconds(40)) == nil)
        #expect(watch.look("go on? [y/N] ", bytes: 10, step: 2, now: start + .seconds(41))?.line == "go on? [y/N]")
    }

    @Test("a program that ended because nobody answered is told by what it asked; an error beside a question is not")
    func unanswered() throws {
        let log = [
            "loading", "Overwrite? [y/N] Traceback (most recent call last):", "  File \"a.py\", line 1, in <module>",
            "EOFError: EOF when reading a line",
        ]
        #expect(try #require(Prompt.unanswered(in: log)).line == "Overwrite? [y/N]")
        #expect(
            try #require(Prompt.unanswered(in: ["How many cats? Traceback (most recent call last):", log[3]])).line
                == "How many cats?")
        #expect(Prompt.unanswered(in: ["Overwrite? [y/N] y", "ValueError: no"]) == nil)
        var end = TrainerEnd(exit: ProcessExit(code: 1), isCore: false, wasAskedToStop: false)
        end.logTail = log
        let ended = ExitClassifier.end(of: end)
        var report: FailureReport?
        if case .failed(let found) = ended { report = found }
        #expect(report?.failure == .badConfig && report?.message.contains("Overwrite? [y/N]") == true, "\(ended)")
    }
}
