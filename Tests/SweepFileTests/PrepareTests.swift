import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("Preparations and fallbacks in sweep files")
struct PrepareTests {
    private func file(_ prepare: String, command: String = "[t, \"--lr={lr}\", \"{prepare.latents}\"]") -> String {
        """
        name: t
        data: d
        trainer:
          command: \(command)
          prepare: \(prepare)
        groups: [ { grid: { lr: [1, 2], size: [512, 768] } } ]
        """
    }

    @Test("each preparation is keyed by what it reads: what the trainings differ in beside that is shared")
    func keys() throws {
        let cache = "command: [cache, \"{size}\", \"{data}\", \"{prepared}\"]"
        let sweep = try read(file("{ latents: { \(cache), scope: fleet } }"))
        let jobs = try sweep.definition.resolvedJobs(sweep.plan)
        let made = try jobs.map { try #require(try $0.preparations().first) }
        #expect(jobs.count == 4 && Set(made.map(\.job.id)).count == 2)
        #expect(made[0].rule.scope == .fleet && made[0].job.given == ["size": 512] && made[0].job.data != nil)
        #expect(made[0].job.trainer.command?.checkpoints.map(\.glob) == ["{out}/result"])
        #expect(try made[0].job.preparations().isEmpty)
        // Where it is made decides nothing of the trainings.
        let host = try read(file("{ latents: { \(cache) } }"))
        #expect(host.plan.jobs == sweep.plan.jobs)
        let other = try read(file("{ latents: { command: [cache2, \"{size}\", \"{data}\"] } }"))
        #expect(Set(other.plan.jobs.map(\.id)).isDisjoint(with: sweep.plan.jobs.map(\.id)))
    }

    @Test("one needs no name, and is {prepared} for its jobs")
    func unnamed() throws {
        let sweep = try read(file("{ command: [cache, \"{size}\"] }", command: "[t, \"{lr}\", \"{prepared}\"]"))
        let trainer = try #require(sweep.definition.trainer.command)
        #expect(trainer.preparedNames == ["prepared"])
        #expect(sweep.plan.jobs.count == 4, "size stands in the preparation alone, and is a parameter of the job")
    }

    @Test(
        "what a preparation cannot have is refused",
        arguments: [
            ("{ latents: { scope: host } }", "needs a 'command'"),
            ("{ latents: { command: [c], scope: planet } }", "accepted: host, fleet"),
            ("{ latents: { command: [c, \"{name}\"] } }", "differs from job to job"),
            ("{ latents: { command: [c] }, b: { command: [c, \"{prepare.latents}\"] } }", "waits for no other one"),
            ("{ a.b: { command: [c] } }", "cannot be the name"),
            ("[ { name: latents, command: [a] }, { name: latents, command: [b] } ]", "two are called 'latents'"),
            ("{ texts: { command: [c] } }", "no value for {prepare.latents}"),
            ("{ latents: { command: [c, \"{gone}\"] } }", "no value for {gone}"),
        ])
    func refused(_ prepare: String, _ words: String) {
        let error = #expect(throws: SweepFileError.self) { try read(file(prepare)) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test("on_oom is part of the id, of the core and of commands, at the top or with the trainer")
    func fallback() throws {
        let text = """
            name: t
            trainer: { command: [t, "{batch}", "{acc}"]ADDED }
            groups: [ { grid: { batch: [4, 8], acc: [1] } } ]

            """
        func sweep(_ added: String, _ top: String = "") throws -> SweepFile {
            try read(text.replacing("ADDED", with: added) + top)
        }
        let plain = try sweep("")
        let rule = "on_oom: { batch: batch / 2, acc: acc * 2 }"
        let inside = try sweep(", \(rule)")
        let outside = try sweep("", rule)
        #expect(inside.plan.jobs == outside.plan.jobs && inside.plan.jobs != plain.plan.jobs)
        let job = try #require(try outside.definition.resolvedJobs(outside.plan).first)
        #expect(job.fallback(after: [:]) == ["batch": 2, "acc": 2])
        #expect(job.fallback(after: ["batch": 2, "acc": 2]) == ["batch": 1, "acc": 4])
        #expect(job.fallback(after: ["batch": 1, "acc": 4]) == nil)
        #expect(job.fallback(after: ["batch": 3, "acc": 1]) == nil, "1.5 is no batch")
        let core = try read(core("list: [{ lr: 1e-4 }]", top: "on_oom: { batch: batch / 2 }"))
        #expect(core.definition.onOOM?.settings == ["batch": "batch / 2"])
        for (wrong, words) in [
            ("on_oom: { batch: batch / }", "missing at the end"), ("on_oom: { batch: size / 2 }", "needs 'size'"),
            ("on_oom: {}", "on_oom is empty"),
        ] {
            let error = #expect(throws: SweepFileError.self) { try sweep("", wrong) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
    }

    @Test("a value that stands in the configuration file alone falls back too")
    func configured() throws {
        let text = """
            name: t
            trainer: { command: [t, "{config}"], config: c.toml, on_oom: { train_batch_size: train_batch_size / 2 } }
            groups: [ { grid: { unet_lr: [1, 2] } } ]
            """
        let sweep = try read(text, FakeInputs(files: ["c.toml": "train_batch_size = 4\nunet_lr = 0.1\n"]))
        let job = try #require(try sweep.definition.resolvedJobs(sweep.plan).first)
        #expect(job.fallback(after: [:]) == ["train_batch_size": 2])
    }
}
