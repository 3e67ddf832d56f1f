import Foundation
import Ports
import RunSpec
import SweepModel
import Testing

@Suite("Jobs made of others")
struct BranchTests {
    private func sweep(_ text: (inout SweepDefinition) -> Void = { _ in }) -> SweepDefinition {
        var sweep = SweepDefinition(
            name: .unnamed, trainer: .core, base: InputReference(written: "b", path: "/b", digest: .of("base")),
            data: InputReference(written: "d", path: "/d", digest: .of("data")), seeds: [23, 24],
            checkpoints: CheckpointPlan(epochs: [10, 30, 50]), defaults: ["epochs": 50, "batch": 8],
            evaluation: EvaluationSpec(),
            groups: [SweepGroup(name: "g", shape: .list([["algorithm": "lora", "dim": 8, "lr": 5e-4]]))])
        text(&sweep)
        return sweep
    }

    private func jobs(_ change: (inout SweepDefinition) -> Void = { _ in }) throws -> [ResolvedJob] {
        let sweep = sweep(change)
        return try sweep.resolvedJobs(try sweep.plan())
    }

    private let state = StoredCheckpoint(
        name: "step-00000500", step: 500, epoch: 50,
        files: [.init(name: "state.json", sha256: ContentDigest.of("s").text, bytes: 1)])

    private func settings(_ job: ResolvedJob) throws -> [String: ParameterValue] {
        try ParameterTable.resolve(job.given).parameters
    }

    @Test("a longer one is never the one that was trained as long from the beginning")
    func longer() throws {
        let parent = try jobs()[0]
        let fresh = try jobs { $0.defaults["epochs"] = 80 }[0]
        let child = try parent.extended(to: 80, from: state)
        #expect(child.parameters == fresh.parameters && child.seed == fresh.seed)
        #expect(child.id != fresh.id && child.configuration != fresh.configuration && child.id != parent.id)
        #expect(child.checkpoints?.epochs == [] && child.origin?.start?.epochs == 50)
        #expect(child.coreVersion == "4.1" && fresh.coreVersion == parent.coreVersion)
        // The same wish is the same job; another state is another job of the same configuration.
        #expect(try parent.extended(to: 80, from: state) == child)
        var other = state
        other.files[0].sha256 = ContentDigest.of("t").text
        let moved = try parent.extended(to: 80, from: other)
        #expect(moved.id != child.id && moved.configuration == child.configuration)
        #expect(try parent.extended(to: 90, from: state).configuration != child.configuration)
    }

    @Test("seeds of one configuration that are extended alike are one configuration again")
    func seeds() throws {
        let children = try jobs().map { try $0.extended(to: 80, from: state) }
        #expect(children[0].id != children[1].id && children[0].configuration == children[1].configuration)
    }

    @Test("a rerun has the settings of a fresh job and another id; the checkpoints are those of its epochs")
    func rerun() throws {
        let parent = try jobs()[0]
        let fresh = try jobs { $0.groups = [SweepGroup(name: "g", shape: .list([["dim": 8, "lr": 2e-4]]))] }[0]
        let again = try parent.rerun(setting: ["lr": 2e-4])
        #expect(again.parameters == fresh.parameters && again.id != fresh.id && again.origin?.start == nil)
        #expect(again.coreVersion == fresh.coreVersion)
        #expect(try parent.rerun(setting: [:]).id != parent.id)
        let seeded = try parent.rerun(setting: ["seed": 7, "epochs": 20])
        #expect(seeded.seed == 7 && seeded.checkpoints?.epochs == [10] && seeded.given["seed"] == nil)
        // alpha follows dim again where it is taken away.
        #expect(try parent.rerun(setting: ["dim": 16, "alpha": nil]).parameters["alpha"] == 16)
        var sent = again
        sent.former = nil
        #expect(try JSONDecoder().decode(ResolvedJob.self, from: JSONEncoder().encode(again)) == sent)
    }

    @Test("a job of today's programs reads and writes as before")
    func plain() throws {
        let text = String(decoding: try JSONEncoder().encode(try jobs()[0]), as: UTF8.self)
        #expect(!text.contains("origin"))
    }

    @Test(
        "what would change nothing, or cannot be, is refused by name",
        arguments: [
            (["factor": 4], "factor"), (["lrr": 1], "did you mean 'lr'"), (["seed": 1.5], "seed is 1.5"),
            (["lr": -1], "lr"),
        ] as [([String: ParameterValue], String)])
    func refused(changes: [String: ParameterValue], wanted: String) throws {
        let job = try jobs()[0]
        let error = #expect(throws: SweepModelError.self) { try job.rerun(setting: changes) }
        #expect(error?.message.contains(wanted) == true, "\(error?.message ?? "")")
    }

    @Test("an extension wants more epochs, and of a program both {epochs} and a way to resume")
    func refusedExtension() throws {
        let job = try jobs()[0]
        #expect(throws: SweepModelError.self) { try job.extended(to: 50, from: state) }
        #expect(throws: SweepModelError.self) { try job.extended(to: 80, from: state, keeping: [50]) }
        #expect(try job.extended(to: 80, from: state, keeping: [60]).checkpoints?.epochs == [60])
        func program(_ command: [CommandArgument], resume: [CommandArgument]) throws -> ResolvedJob {
            var job = job
            job.trainer = .command(CommandTrainer(command: command, resume: resume))
            return try job.extended(to: 80, from: state)
        }
        #expect(throws: SweepModelError.self) { try program(["t", "{lr}"], resume: ["{checkpoint}"]) }
        #expect(throws: SweepModelError.self) { try program(["t", "{epochs}"], resume: []) }
        #expect(try program(["t", "{epochs}"], resume: ["{checkpoint}"]).given["epochs"] == 80)
    }

    @Test("a schedule that is not constant is told")
    func schedule() throws {
        func notice(_ schedule: ParameterValue) throws -> String? {
            try jobs { $0.defaults["schedule"] = schedule }[0].extended(to: 80, from: state).scheduleNotice
        }
        #expect(try notice("cosine")?.contains("jumps") == true)
        #expect(try notice("constant")?.contains("constant") == true)
        #expect(try jobs()[0].rerun(setting: ["lr": 1e-3]).scheduleNotice == nil)
    }
}
