import Foundation
import Ports
import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("Expansion")
struct ExpansionTests {
    struct Case: Decodable {
        struct Job: Decodable, Hashable {
            let parameters: [String: ParameterValue]
            let seed: Int
        }
        let sweep: String
        let jobs: [Job]
    }

    @Test("random sweeps expand to what a brute-force expander finds")
    func random() throws {
        // `make properties` gives thousands from the same program.
        let path =
            ProcessInfo.processInfo.environment["RADIATA_EXPANSIONS"]
            ?? repository + "/Tests/SweepFileTests/Fixtures/expansions.json"
        let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(cases.count >= 30)
        for (index, example) in cases.enumerated() {
            let plan = try read(example.sweep).plan
            let jobs = plan.report.jobs.map { Case.Job(parameters: $0.parameters, seed: $0.seed) }
            #expect(Set(jobs) == Set(example.jobs), "case \(index)")
            #expect(jobs.count == example.jobs.count, "case \(index)")
            #expect(Set(plan.jobs.map(\.id)).count == jobs.count)
        }
    }

    /// Spellings of one number, of one text, and the order of keys are no part of what a sweep says.
    @Test("spelling, quoting, comments, key order and repeated groups change no job")
    func spelling() throws {
        func jobs(_ groups: String, _ top: String = "") throws -> [String] {
            try read("name: t\ntrainer: { command: [a, \"{lr}\"] }\nseeds: [1, 2]\n\(top)groups:\n\(groups)").plan.jobs
                .map(\.id.text)
                .sorted()
        }
        let plain = try jobs("  - grid: { lr: [0.0005, 1], mode: [p, q] }\n")
        #expect(plain.count == 8)
        for same in [
            "  - grid: { lr: [5e-4, 1.0], mode: [p, q] }\n", "  - grid: { lr: [5.0E-4, 1e0], mode: ['p', \"q\"] }\n",
            "  - grid: { mode: [q, p], lr: [+1, 0.00050] } # a comment\n",
            "  - grid:\n      mode:\n      - p\n      - q\n      lr: [.5e-3, 1]\n",
            "  - grid: { lr: [0.0005, 1], mode: [p, q] }\n  - grid: { lr: [1], mode: [p] }\n    name: again\n",
            "  - grid: { lr: [0.0005, 1, 5e-4], mode: [p, q, p] }\n",
            "  - grid: { lr: [0.0005, 1, 7], mode: [p, q] }\n    exclude: [ { lr: 7 } ]\n",
        ] { #expect(try jobs(same) == plain, "\(same)") }
        #expect(
            try jobs(
                "  - grid: { mode: [p, q] }\n    baseline: { lr: 1 }\n  - grid: { mode: [p, q] }\n",
                "defaults: { lr: 5e-4 }\n") == plain)
    }

    /// The sheet of the paper's configurations (algorithm, dim, alpha, factor, layers, lr), typed from the
    /// source.
    private static let paper: [(String, Double?, Double?, Double?, String, Double)] = [
        ("lora", 8, 4, nil, "attn-mlp", 5e-4), ("lora", 32, 16, nil, "attn-mlp", 5e-4),
        ("lora", 32, 1, nil, "attn-mlp", 5e-4), ("lora", 8, 4, nil, "full", 5e-4),
        ("lora", 8, 4, nil, "attn-only", 5e-4), ("lora", 8, 4, nil, "attn-mlp", 1e-4),
        ("lora", 8, 4, nil, "attn-mlp", 1e-3), ("loha", 4, 2, nil, "attn-mlp", 5e-4),
        ("loha", 16, 8, nil, "attn-mlp", 5e-4), ("loha", 16, 1, nil, "attn-mlp", 5e-4),
        ("loha", 4, 2, nil, "full", 5e-4), ("loha", 4, 2, nil, "attn-only", 5e-4),
        ("loha", 4, 2, nil, "attn-mlp", 1e-3), ("loha", 4, 2, nil, "attn-mlp", 1e-4),
        ("lokr", 10000, 1, 8, "attn-mlp", 5e-4), ("lokr", 10000, 1, 4, "attn-mlp", 5e-4),
        ("lokr", 10000, 1, 12, "attn-mlp", 5e-4), ("lokr", 10000, 1, 8, "full", 5e-4),
        ("lokr", 10000, 1, 8, "attn-only", 5e-4), ("lokr", 10000, 1, 8, "attn-mlp", 1e-3),
        ("lokr", 10000, 1, 8, "attn-mlp", 1e-4), ("full", nil, nil, nil, "attn-mlp", 1e-6),
        ("full", nil, nil, nil, "full", 1e-6), ("full", nil, nil, nil, "attn-only", 1e-6),
        ("full", nil, nil, nil, "attn-mlp", 5e-6), ("full", nil, nil, nil, "attn-mlp", 5e-7),
    ]

    @Test("the paper's sweep is its 26 configurations, three seeds, three checkpoints")
    func lycorisPaper() throws {
        let plan = try shipped("lycoris-paper").plan
        #expect(plan.configurations.count == 26 && plan.jobs.count == 78 && plan.checkpointCount == 234)
        #expect(plan.report.configurations == 26 && plan.report.jobs.count == 78 && plan.report.checkpoints == 234)
        #expect(Set(plan.jobs.map(\.seed)) == [23, 24, 25])
        var expected: Set<[String: ParameterValue]> = []
        for (algorithm, dim, alpha, factor, layers, lr) in Self.paper {
            var point: [String: ParameterValue] = [
                "algorithm": .text(algorithm), "layers": .text(layers), "lr": .number(lr),
                "epochs": 50, "batch": 8, "optimizer": "adamw", "weight_decay": 0.1, "betas": [0.9, 0.99],
                "max_grad_norm": 1, "schedule": "constant", "caption_dropout": 0.05,
            ]
            point["dim"] = dim.map { .number($0) }
            point["alpha"] = alpha.map { .number($0) }
            point["factor"] = factor.map { .number($0) }
            // "full" means convolutions and norms: with the dim and alpha of the rest.
            if layers == "full" {
                point["train_norm"] = true
                point["conv_dim"] = point["dim"]
                point["conv_alpha"] = point["alpha"]
            }
            expected.insert(point)
        }
        #expect(Set(plan.configurations.map(\.given)) == expected)
        #expect(plan.warnings.filter { !$0.contains("provisional") }.isEmpty, "\(plan.warnings)")
    }

    @Test("the miniature is the paper's sweep with other rates, two seeds and held-out pictures")
    func lycorisMini() throws {
        let (plan, paper) = (try shipped("lycoris-mini").plan, try shipped("lycoris-paper").plan)
        #expect(plan.configurations.count == 26 && plan.jobs.count == 52 && plan.checkpointCount == 156)
        let scaled: Set<String> = ["lr", "warmup_steps"]
        func points(_ plan: SweepPlan) -> [[String: ParameterValue]: Int] {
            plan.configurations.reduce(into: [:]) { counts, one in
                counts[one.given.filter { !scaled.contains($0.key) }, default: 0] += 1
            }
        }
        #expect(points(plan) == points(paper))
    }

    @Test(
        "every shipped sweep expands without a word",
        arguments: ["quickstart", "smoke", "rates", "conv-study", "lycoris-paper", "lycoris-mini", "edit-pairs"])
    func shippedSweeps(name: String) throws {
        let file = try shipped(name)
        #expect(file.definition.name.text == name)
        #expect(file.plan.warnings.isEmpty, "\(file.plan.warnings)")
        // What a bundle carries is enough to get the same jobs.
        let again = try SweepFile.read(file.bundle)
        #expect(again.plan == file.plan)
        let sent = try JSONDecoder().decode(LaunchBundle.self, from: JSONEncoder().encode(file.bundle))
        #expect(sent == file.bundle)
    }

    @Test("quickstart has four algorithms with three seeds and two checkpoints each, and holds pictures out")
    func quickstart() throws {
        let file = try shipped("quickstart")
        let plan = file.plan
        #expect(Set(plan.configurations.map { $0.given["algorithm"] }).count == 4 && plan.configurations.count == 4)
        #expect(plan.jobs.count == 12 && file.definition.evaluation?.holdout == 0.2)
        #expect(plan.configurations.allSatisfy { $0.checkpointCount == 2 })
    }

    @Test("a job file expands to its one job, with the same identity")
    func jobFiles() throws {
        for name in ["quickstart", "conv-study", "lycoris-paper"] {
            let file = try shipped(name)
            for job in try file.definition.resolvedJobs(file.plan) {
                let text = try job.jobFile(base: job.base?.path, data: job.data?.path)
                // The same content at another place.
                let inputs = Relocated(base: job.base?.digest, data: job.data?.digest)
                let alone = try SweepFile.read(text, name: "job.json", inputs: inputs)
                #expect(alone.plan.jobs.map(\.id) == [job.id])
                #expect(alone.plan.warnings.isEmpty)
                let training = try alone.definition.resolvedJobs(alone.plan)[0].trainingJob(base: "/b", data: "/d")
                #expect(training == (try job.trainingJob(base: "/b", data: "/d")))
            }
        }
    }

    @Test("a core job's file is its task, nothing left to decide; a program's is a sweep file")
    func trainerFiles() throws {
        for name in ["quickstart", "lycoris-paper"] {
            let file = try shipped(name)
            for job in try file.definition.resolvedJobs(file.plan) {
                let text = try job.trainerFile(
                    base: "/b", data: "/d", regData: "/r", encoders: [.clip: "/c"], out: "/out",
                    resume: "/out/resume")
                let task = try JSONDecoder().decode(TrainerTask.self, from: Data(text.utf8))
                let training = try job.trainingJob(base: "/b", data: "/d", regData: "/r", encoders: [.clip: "/c"])
                #expect(task.work == .train(training, resume: "/out/resume"))
                #expect(training.job == job.id.text && task.out == "/out")
            }
        }
        let program = try read("name: t\ntrainer: { command: [\"true\"] }\ngroups: [ { list: [ { a: 1 } ] } ]")
        let job = try program.definition.resolvedJobs(program.plan)[0]
        let text = try job.trainerFile(base: nil, data: nil, regData: nil, encoders: [:], out: "/out", resume: nil)
        #expect(text == (try job.jobFile(base: nil, data: nil)))
    }

    @Test("without checkpoints the core saves the final one only; a command counts none")
    func checkpoints() throws {
        #expect(try read(core("{ list: [ { lr: 1 } ] }")).plan.checkpointCount == 1)
        #expect(
            try read(core("{ list: [ { epochs: 30 }, { epochs: 50 } ] }", top: "checkpoints: { epochs: [10, 30, 50] }"))
                .plan.checkpointCount == 5)
        #expect(
            try read("name: t\ntrainer: { command: [\"true\"] }\ngroups: [ { list: [ { a: 1 } ] } ]").plan
                .checkpointCount == 0)
    }

    @Test("a flat list is one value of a list-typed parameter, a list of lists an axis")
    func listTyped() throws {
        #expect(try read(core("{ grid: { betas: [0.9, 0.99] } }")).plan.configurations.count == 1)
        #expect(try read(core("{ grid: { betas: [[0.9, 0.99], [0.9, 0.999]] } }")).plan.configurations.count == 2)
        #expect(try read(core("{ baseline: {}, vary: [ { resolution: [64, 96] } ] }")).plan.configurations.count == 2)
    }

    @Test("null takes back what defaults or baseline set")
    func unset() throws {
        let plan = try read(core("{ list: [ { dim: null } ] }", top: "defaults: { dim: 8, lr: 1e-3 }")).plan
        #expect(plan.configurations[0].given == ["lr": 0.001])
    }

    private func shipped(_ name: String) throws -> SweepFile {
        let text = try String(contentsOfFile: repository + "/sweeps/\(name).yaml", encoding: .utf8)
        return try SweepFile.read(text, name: "sweeps/\(name).yaml", inputs: FakeInputs())
    }

    private struct Relocated: SweepInputs {
        let base: ContentDigest?
        let data: ContentDigest?
        func file(_ path: String, besides folder: String?) throws -> FileLookup { .missing(searched: []) }
        func profile(_ name: String) throws -> FileLookup { .missing(searched: []) }
        func input(_ path: String, _ kind: InputKind) throws -> InputReference {
            InputReference(written: path, path: path, digest: path.contains("base") ? base : data)
        }
    }

    @Test("jobs that get their ids slice by slice are those of the plan, in any slices")
    func outline() throws {
        func groups(_ seed: String) -> String {
            """
            groups:
              - { name: one, grid: { dim: [4, 8], lr: [1e-4, 2e-4, 3e-4]\(seed) } }
              - { name: two, grid: { dim: [8, 16], lr: [2e-4] } }
              - { name: three, grid: { dim: [8, 32], lr: [2e-4]\(seed.isEmpty ? "" : ", seed: [2, 99]") } }
            """
        }
        let lists = ["[1]", "[3, 1, 2, 5, 7]", "[9, 8, 7, 6]"].map { ("seeds: \($0)", "") }
        for (seeds, own) in lists + [("", ", seed: [1, 2, 3, 4, 5]")] {
            for trainer in ["base: b\ndata: d", "trainer: { command: [run, '{dim}', '{lr}', '{seed}'] }"] {
                let file = try read("name: t\n\(trainer)\n\(seeds)\n\(groups(own))\n")
                let whole = try file.definition.resolvedJobs(file.plan)
                let (definition, outline) = try SweepFile.outline(file.bundle)
                #expect(outline.count == whole.count && outline.checkpointCount == file.plan.checkpointCount)
                let resolver = try JobResolver(definition, outline)
                for size in [1, 4, whole.count] {
                    let slices = stride(from: 0, to: whole.count, by: size).map { $0..<min($0 + size, whole.count) }
                    #expect(try slices.flatMap { try resolver.jobs($0) } == whole)
                    let runs = try slices.flatMap { try resolver.runs($0) }
                    #expect(runs.flatMap { [$0.first.id] + $0.others.map(\.id) } == whole.map(\.id))
                    #expect(runs.flatMap { [$0.first.seed] + $0.others.map(\.seed) } == whole.map(\.seed))
                }
            }
        }
    }
}
