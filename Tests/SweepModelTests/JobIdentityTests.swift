import Foundation
import Ports
import RunSpec
import SweepModel
import Testing

@Suite("Job identity")
struct JobIdentityTests {
    private static let base = InputReference(written: "b", digest: ContentDigest.of("base"))
    private static let data = InputReference(written: "d", digest: ContentDigest.of("data"))

    private func sweep(_ points: [[String: ParameterValue]]) -> SweepDefinition {
        SweepDefinition(
            name: .unnamed, trainer: .core, base: Self.base, data: Self.data, seeds: [23],
            checkpoints: CheckpointPlan(epochs: [10, 30, 50]),
            defaults: ["epochs": 50, "batch": 8, "weight_decay": 0.1, "betas": [0.9, 0.99]],
            evaluation: EvaluationSpec(),
            groups: [SweepGroup(name: "g", shape: .list(points))])
    }

    private func id(_ point: [String: ParameterValue], _ change: (inout SweepDefinition) -> Void = { _ in }) throws
        -> JobID
    {
        var sweep = sweep([point])
        change(&sweep)
        return try #require(try sweep.plan().jobs.first).id
    }

    /// As programs before 2026-12 named it.
    private func former(
        _ point: [String: ParameterValue], _ change: (inout SweepDefinition) -> Void = { _ in }
    ) throws -> JobID {
        var sweep = sweep([point])
        change(&sweep)
        let plan = try sweep.plan()
        return try #require(plan.configurations.first?.former).job(seed: try #require(plan.jobs.first).seed)
    }

    private static let lora: [String: ParameterValue] = ["algorithm": "lora", "dim": 8, "alpha": 4, "lr": 5e-4]

    @Test("the id is the SHA-256 of the canonical text that a second implementation writes")
    func reference() throws {
        let expected = try Reference.load().identity
        #expect(ContentDigest.of(expected.text).text == expected.sha256)
        let resolved = try ParameterTable.resolve(
            Self.lora.merging(sweep([]).defaults) { own, _ in own }
        ).parameters
        let identity = try JobIdentity(
            trainer: .core, parameters: resolved, checkpoints: CheckpointPlan(epochs: [10, 30]),
            evaluation: EvaluationSpec(),
            base: Self.base, data: Self.data)
        #expect(identity.text(seed: 23) == expected.text)
        #expect(try former(Self.lora).text == expected.sha256)
    }

    @Test("a share that is held out is in the id; without one the text is as before, also where types have grown")
    func holdout() throws {
        let plain = try id(Self.lora)
        #expect(try id(Self.lora) { $0.evaluation?.holdout = 0.2 } != plain)
        #expect(
            try id(Self.lora) { $0.evaluation?.holdout = 0.2 } != id(Self.lora) { $0.evaluation?.holdout = 0.25 })
        func text(_ holdout: Double?) throws -> String {
            try JobIdentity(
                trainer: .core, parameters: [:], checkpoints: nil, evaluation: EvaluationSpec(holdout: holdout),
                base: nil, data: nil
            ).text(seed: 1)
        }
        #expect(try !text(nil).contains("holdout"))
        // The share stands beside the prompts; the type is not among them.
        #expect(try text(0.2).contains(#""guidance":7,"holdout":0.2,"images":100,"prompts":["train","#))
        #expect(try text(0.2).contains(#""coreVersion":"3.1""#))
        let written = String(decoding: try JSONEncoder().encode(EvaluationSpec()), as: UTF8.self)
        #expect(!written.contains("holdout"))
    }

    @Test("image guidance is in the protocol and dropped conditions are in the id, both only where they are said")
    func edits() throws {
        let plain = try id(Self.lora)
        // How images are drawn decides nothing of the training.
        #expect(try id(Self.lora) { $0.evaluation?.imageGuidance = 1.5 } == plain)
        var guided = EvaluationSpec()
        guided.imageGuidance = 1.5
        #expect(try guided.digest() != EvaluationSpec().digest())
        let given = try id(Self.lora.merging(["condition_dropout": 0.05]) { $1 })
        #expect(given != plain)
        let written = String(decoding: try JSONEncoder().encode(EvaluationSpec()), as: UTF8.self)
        #expect(!written.contains("imageGuidance"))
        // What stands in every job's parameters by itself.
        #expect(try ParameterTable.resolve(Self.lora).parameters["condition_dropout"] == nil)
    }

    @Test("a marker, a quiet time and the usual name of the step are in no id; another name of the step is")
    func ruleKeys() throws {
        func id(_ trainer: CommandTrainer) throws -> String {
            try JobIdentity(
                trainer: .command(trainer), parameters: [:], checkpoints: nil, evaluation: nil, base: nil, data: nil
            ).job(seed: 1).text
        }
        func trainer(_ step: String?, _ complete: String? = nil, _ quiet: Double? = nil) -> CommandTrainer {
            CommandTrainer(
                command: ["python3", "train.py", "{out}"],
                metrics: [.init(kind: .jsonl, path: "{out}/metrics.jsonl", step: step)],
                checkpoints: [
                    .init(glob: "{out}/ck*", step: "ck-([0-9]+)", kind: .adapter, complete: complete, quiet: quiet)
                ])
        }
        // Written down before these keys were there.
        let known = "61a7f1b42bb32475fa0488794218f94d30e162312d08be599eebfca407c26d8b"
        #expect(try id(trainer(nil)) == known)
        #expect(try id(trainer("step")) == known)
        #expect(try id(trainer(nil, "DONE", 5)) == known)
        #expect(try id(trainer("global_step")) != known)
    }

    @Test("a kind of job has ids of its own; training is not named, neither in the text nor in the JSON")
    func kinds() throws {
        func text(_ kind: JobKind) throws -> String {
            try JobIdentity(
                kind: kind, trainer: .core, parameters: Self.lora, checkpoints: nil, evaluation: EvaluationSpec(),
                base: Self.base, data: Self.data
            ).text(seed: 1)
        }
        let plain = try JobIdentity(
            trainer: .core, parameters: Self.lora, checkpoints: nil, evaluation: EvaluationSpec(), base: Self.base,
            data: Self.data
        ).text(seed: 1)
        #expect(try text(.train) == plain && !plain.contains("kind"))
        #expect(try Set(JobKind.allCases.map { try text($0) }).count == JobKind.allCases.count)
        for kind in JobKind.allCases {
            let text = try text(kind)
            let parsed = try JSONDecoder().decode(ParameterValue.self, from: Data(text.utf8))
            #expect(try CanonicalJSON.text(parsed) == text, "keys stand in their order")
            let job = ResolvedJob(
                id: JobID(.of(text)), kind: kind, configuration: ConfigurationID(.of("c")),
                sweep: try #require(SweepName("s")), group: "g", trainer: .core, given: [:], parameters: [:], seed: 1)
            let json = try JSONEncoder().encode(job)
            #expect(try JSONDecoder().decode(ResolvedJob.self, from: json) == job)
            #expect(String(decoding: json, as: UTF8.self).contains("\"kind\":\"\(kind.rawValue)\"") == (kind != .train))
        }
    }

    @Test(
        "what changes nothing in the result changes nothing in the id",
        arguments: [
            ["algorithm": "locon"],
            ["dim": .number(8.0), "alpha": .number(4e0)],
            ["betas": [0.90, 0.990]],
            ["weight_decay": .number(1e-1)],
            // Defaults written out.
            ["layers": "attn-mlp", "text_encoder_lr": 5e-4, "max_grad_norm": 1, "schedule": "constant_with_warmup"],
            // Parameters that LoRA on these layers ignores.
            ["factor": 8, "conv_dim": 8, "conv_alpha": 4, "block_size": 2],
        ] as [[String: ParameterValue]])
    func equal(addition: [String: ParameterValue]) throws {
        #expect(try id(Self.lora.merging(addition) { _, new in new }) == (try id(Self.lora)))
    }

    @Test(
        "what changes the result changes the id",
        arguments: [
            ["algorithm": "loha"], ["dim": 16], ["alpha": 8], ["lr": 1e-4], ["text_encoder_lr": 0],
            ["layers": "attn-only"],
            ["train_norm": true], ["epochs": 40], ["batch": 4], ["betas": [0.9, 0.999]], ["caption_dropout": 0.05],
            ["resolution": 64], ["resolution": [64, 96]],
        ] as [[String: ParameterValue]])
    func different(addition: [String: ParameterValue]) throws {
        #expect(try id(Self.lora.merging(addition) { _, new in new }) != (try id(Self.lora)))
    }

    @Test("encoders by their content, wanted metrics and how pictures are fitted name another protocol")
    func protocols() throws {
        let (one, other) = (ContentDigest.of("one"), ContentDigest.of("other"))
        let plain = try EvaluationSpec().digest()
        var seen: Set<ContentDigest> = [plain]
        for role in EncoderRole.allCases {
            #expect(seen.insert(try EvaluationSpec().digest(encoders: [role: one])).inserted, "\(role)")
            #expect(seen.insert(try EvaluationSpec().digest(encoders: [role: other])).inserted, "\(role)")
        }
        for fit in PictureFit.allCases { #expect(seen.insert(try EvaluationSpec(fit: fit).digest()).inserted) }
        #expect(seen.insert(try EvaluationSpec(metrics: ["vendi", "kid"]).digest()).inserted)
        // Their order and repetition decide nothing.
        #expect(!seen.insert(try EvaluationSpec(metrics: ["kid", "vendi", "kid"]).digest()).inserted)
    }

    @Test("seed, inputs, checkpoints and protocol decide; priority, retries, keeping and state interval do not")
    func surroundings() throws {
        let plain = try id(Self.lora)
        #expect(try id(Self.lora) { $0.seeds = [24] } != plain)
        #expect(try id(Self.lora) { $0.base?.digest = ContentDigest.of("other") } != plain)
        #expect(try id(Self.lora) { $0.data = Self.base } != plain)
        #expect(try id(Self.lora) { $0.regData = Self.data } != plain)
        // The protocol decided where earlier programs named jobs. A named pair counts by its content, and
        // only where it is named.
        let old = try former(Self.lora)
        #expect(try former(Self.lora) { $0.evaluation?.guidance = 3 } != old)
        #expect(try former(Self.lora) { $0.encoders[.clip] = Self.data } != old)
        #expect(
            try former(Self.lora) { $0.encoders[.clip] = InputReference(written: "x", digest: Self.data.digest) }
                == former(Self.lora) { $0.encoders[.clip] = Self.data })
        #expect(try id(Self.lora) { $0.checkpoints = CheckpointPlan(epochs: [10]) } != plain)
        let indifferent = try id(Self.lora) { sweep in
            sweep.priority = 5
            sweep.retries = RetrySpec(budgets: [.crash: 0])
            sweep.retention = RetentionPolicy(last: 1)
            sweep.requirements = RequirementSpec(gpus: 1)
            sweep.timeoutSeconds = 10
            sweep.checkpoints?.stateEverySeconds = 1
            // What images are measured with and by decides nothing of the training.
            for role in EncoderRole.allCases { sweep.encoders[role] = Self.data }
            sweep.evaluation?.metrics = ["vendi"]
            sweep.evaluation?.images = 7
            sweep.evaluation?.guidance = 0.5
            sweep.evaluation?.steps = 3
            sweep.evaluation?.sampler = "euler"
            sweep.evaluation?.promptSet = .lycoris
            sweep.evaluation?.fit = .pad
            sweep.base?.path = "/elsewhere"
            sweep.evaluation?.prompts = [.style]
            // Past the end, or at it: the final checkpoint exists anyway.
            sweep.checkpoints = CheckpointPlan(epochs: [30, 10, 60])
        }
        #expect(indifferent == plain)
    }

    @Test("of an evaluation only what leaves the training set names a training; without it there is one name")
    func measuring() throws {
        let plain = try id(Self.lora)
        #expect(try id(Self.lora) { $0.evaluation = nil } == plain)
        #expect(try id(Self.lora) { $0.evaluation?.holdout = 0.2 } != plain)
        #expect(
            try id(Self.lora) { $0.evaluation?.holdout = 0.2 }
                == id(Self.lora) { $0.evaluation = EvaluationSpec(prompts: [.train], images: 3, holdout: 0.2) })
        // What nobody measures was named so before, too: those jobs have no other name.
        var unmeasured = sweep([Self.lora])
        unmeasured.evaluation = nil
        let plan = try unmeasured.plan()
        #expect(plan.configurations.map(\.former) == [nil])
        let resolved = try ParameterTable.resolve(Self.lora.merging(unmeasured.defaults) { own, _ in own }).parameters
        let before = try JobIdentity(
            trainer: .core, parameters: resolved, checkpoints: CheckpointPlan(epochs: [10, 30]), evaluation: nil,
            base: Self.base, data: Self.data)
        #expect(before.job(seed: 23) == plain)
        // A program that reads the job file sees all of it.
        func program(_ argument: String, images: Int) throws -> JobID {
            try id(Self.lora) { sweep in
                sweep.trainer = .command(
                    CommandTrainer(
                        command: ["train", CommandArgument(argument), "{out}"], metrics: [], checkpoints: []))
                sweep.evaluation?.images = images
            }
        }
        #expect(try program("{job}", images: 3) != program("{job}", images: 4))
        #expect(try program("{seed}", images: 3) == program("{seed}", images: 4))
        // A former name is no part of what is written.
        let written = String(decoding: try JSONEncoder().encode(try sweep([Self.lora]).plan()), as: UTF8.self)
        #expect(!written.contains("former"))
    }

    @Test("equal points of several groups run once, and belong to all of them")
    func collapsed() throws {
        var sweep = sweep([Self.lora])
        sweep.groups.append(
            SweepGroup(
                name: "again", shape: .list([["algorithm": "locon", "dim": 8, "alpha": 4, "lr": 5e-4], ["dim": 2]])))
        let plan = try sweep.plan()
        #expect(plan.configurations.count == 2 && plan.jobs.count == 2)
        #expect(plan.configurations[0].groups == ["g", "again"] && plan.configurations[0].group == "g")
    }

    @Test("without its inputs a job has a provisional id that depends on their paths")
    func provisional() throws {
        var sweep = sweep([Self.lora])
        sweep.base?.digest = nil
        let plan = try sweep.plan()
        #expect(plan.jobs[0].provisional && plan.warnings.contains { $0.contains("nothing at 'b'") })
        #expect(plan.report.jobs[0].provisional == true)
        #expect(throws: SweepModelError.self) { try sweep.resolvedJobs(plan) }
    }

    @Test("a command's identity holds what it is told, not its secrets")
    func command() throws {
        let trainer = CommandTrainer(command: ["train", "--lr", "{lr}"], env: ["THREADS": "2", "HF_TOKEN": "x"])
        func job(_ change: (inout CommandTrainer) -> Void) throws -> JobID {
            var changed = trainer
            change(&changed)
            return try id(["lr": 1]) { $0.trainer = .command(changed) }
        }
        let plain = try job { _ in }
        #expect(try job { $0.env["HF_TOKEN"] = "y" } == plain)
        #expect(try job { $0.name = "profile" } == plain)
        #expect(try job { $0.stop.graceSeconds = 5 } == plain)
        #expect(try job { $0.env["THREADS"] = "4" } != plain)
        #expect(try job { $0.command.append("--fast") } != plain)
        #expect(try job { $0.files = [.init(from: "a", to: "b", content: "c")] } != plain)
    }
}
