import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("Sweep files of W&B")
struct WandbSweepTests {
    private func convert(
        _ text: String, count: Int? = nil, environment: [String: String] = [:], missing: Set<String> = []
    ) throws -> WandbSweep {
        try WandbSweep(
            text, file: "w.yaml",
            WandbSweep.Surroundings(folder: "/proj", name: "My sweep_2", count: count, environment: environment) {
                !missing.contains($0)
            })
    }

    /// The jobs' parameters and the whole command of each, as a worker renders it.
    private func runs(_ sweep: WandbSweep) throws -> (plan: SweepPlan, commands: [[String]]) {
        let file = try read(sweep.text)
        let trainer = try #require(file.definition.trainer.command)
        let commands = try file.plan.configurations.map { point in
            var values = try point.parameters.mapValues { try CommandTemplate.text(of: $0) }
            (values["out"], values["seed"]) = ("/out", "1")
            return try trainer.arguments(trainer.command, at: point.parameters).map {
                try CommandTemplate($0).rendered(values)
            }
        }
        return (file.plan, commands)
    }

    @Test("a grid: constants, values, flags, whole numbers and steps, in the order of the file")
    func grid() throws {
        let sweep = try convert(
            """
            method: grid
            program: train.py
            metric: { name: val/acc, goal: maximize, target: 0.99 }
            early_terminate: { type: hyperband, min_iter: 3 }
            parameters:
              learning-rate: { values: [1.0e-4, 0.001] }
              amp: { values: [true, false] }
              depth: { distribution: int_uniform, min: 2, max: 3 }
              dropout: { distribution: q_uniform, min: 0, max: 0.3, q: 0.1 }
              model: { value: unet }
            """)
        let (plan, commands) = try runs(sweep)
        #expect(plan.name.text == "my-sweep-2" && plan.jobs.count == 2 * 2 * 2 * 3)
        #expect(
            commands[0] == [
                "/usr/bin/env", "-C", "/proj", "python3", "/proj/train.py", "--learning-rate=0.0001", "--amp=True",
                "--depth=2", "--dropout=0", "--model=unet",
            ])
        let last = "--learning-rate=0.001 --amp=False --depth=3 --dropout=0.2 --model=unet"
        #expect(commands.last?.suffix(5).joined(separator: " ") == last)
        let file = try read(sweep.text)
        let trainer = try #require(file.definition.trainer.command)
        #expect(trainer.metrics == [.init(kind: .wandb, path: "{out}/wandb")])
        #expect(trainer.env["WANDB_MODE"] == "offline" && trainer.env["WANDB_SWEEP_PARAM_PATH"] == trainer.files[0].to)
        #expect(file.definition.metrics.map(\.name) == ["val/acc"])
        #expect(file.definition.metrics.first?.better == .higher)
        for word in ["early_terminate", "metric.target", "'learning-rate' is called learning_rate"] {
            #expect(sweep.notes.contains { $0.contains(word) }, "\(word): \(sweep.notes)")
        }
    }

    @Test("wandb.config gets the values with their types, nested ones in their place")
    func nested() throws {
        let sweep = try convert(
            """
            method: grid
            program: train.py
            parameters:
              optimizer:
                parameters:
                  learning_rate: { values: [0.01, 0.001] }
                  kind: { value: adam }
                  momentum: { value: 0.9 }
              betas: { value: [0.9, 0.99] }
              seed: { values: [1, 2] }
            """)
        let (plan, commands) = try runs(sweep)
        #expect(plan.configurations.count == 2 && plan.jobs.map(\.seed) == [1, 2, 1, 2])
        #expect(plan.configurations[1].parameters["optimizer.learning_rate"] == 0.001)
        #expect(
            commands[0][5] == "--optimizer={'learning_rate': 0.01, 'kind': 'adam', 'momentum': 0.9}",
            "as Python prints a dictionary")
        let file = try read(sweep.text)
        let config = try #require(file.definition.trainer.command?.files.first?.content)
        var values = try plan.configurations[0].parameters.mapValues { try CommandTemplate.text(of: $0) }
        values["seed"] = "1"
        #expect(
            try CommandTemplate(config).rendered(values) == """
                wandb_version: 1
                "optimizer":
                  value: {"learning_rate": 0.01, "kind": "adam", "momentum": 0.9}
                "betas":
                  value: [0.9, 0.99]
                "seed":
                  value: 1

                """)
    }

    @Test("a random search draws from the same distributions, as many runs as the agent is told")
    func random() throws {
        let text = """
            method: random
            name: search
            program: train.py
            parameters:
              lr: { distribution: log_uniform_values, min: 1e-5, max: 1e-2 }
              rate: { distribution: log_uniform, min: -9.21034037, max: -4.60517019 }
              batch: { distribution: q_log_uniform_values, min: 4, max: 64, q: 4 }
              drop: { min: 0.0, max: 0.5 }
              layers: { min: 1, max: 4 }
              kind: { values: [a, b], probabilities: [0.75, 0.25] }
            """
        let error = #expect(throws: SweepFileError.self) { try convert(text) }
        #expect(error?.description.contains("run_cap: 20 in the file, or --count 20") == true)
        let plan = try runs(try convert(text, count: 400)).plan
        #expect(plan.jobs.count == 400)
        let points = plan.configurations.map(\.parameters)
        func numbers(_ name: String) -> [Double] { points.compactMap { $0[name]?.number } }
        #expect(numbers("lr").allSatisfy { $0 >= 1e-5 && $0 <= 1e-2 })
        #expect(numbers("rate").allSatisfy { $0 > 9.99e-5 && $0 < 0.01001 }, "the bounds are natural logarithms")
        #expect(numbers("batch").allSatisfy { $0.truncatingRemainder(dividingBy: 4) == 0 && $0 >= 4 && $0 <= 64 })
        #expect(Set(numbers("batch")).count > 8)
        #expect(numbers("drop").contains { $0 != $0.rounded() } && Set(numbers("layers")) == [1, 2, 3, 4])
        let share = Double(points.count { $0["kind"] == "a" }) / 400
        #expect(abs(share - 0.75) < 0.07, "\(share)")
        #expect(try runs(try convert(text + "\nrun_cap: 7", count: 400)).plan.jobs.count == 7)
    }

    @Test("every macro of a command")
    func macros() throws {
        func command(_ macro: String) throws -> [String] {
            let sweep = try convert(
                """
                method: grid
                program: /abs/train.py
                command: ["${env}", "${interpreter}", -u, "${program}", "--data=${envvar:DATA}", "${MACRO}"]
                parameters: { lr: { value: 0.1 }, fast: { value: true }, slow: { value: false }, opt: { value: adam } }
                """.replacing("${MACRO}", with: macro), environment: ["DATA": "/data"])
            return Array(try runs(sweep).commands[0].dropFirst(3))
        }
        let start = ["python3", "-u", "/abs/train.py", "--data=/data"]
        #expect(try command("${args}") == start + ["--lr=0.1", "--fast=True", "--slow=False", "--opt=adam"])
        #expect(
            try command("${args_no_equals}") == start + [
                "--lr", "0.1", "--fast", "True", "--slow", "False", "--opt", "adam",
            ])
        #expect(try command("${args_no_hyphens}") == start + ["lr=0.1", "fast=True", "slow=False", "opt=adam"])
        #expect(try command("${args_no_boolean_flags}") == start + ["--lr=0.1", "--fast", "--opt=adam"])
        #expect(try command("${args_append_hydra}").last == "+opt=adam")
        #expect(try command("${args_override_hydra}").last == "++opt=adam")
        #expect(try command("${args_json}").last == #"{"lr": 0.1, "fast": true, "slow": false, "opt": "adam"}"#)
        #expect(try command("${args_json_file}").last == "/out/args.json")
        #expect(throws: SweepFileError.self) { try command("${nonsense}") }
    }

    @Test("null leaves an argument out")
    func null() throws {
        let sweep = try convert("{method: grid, program: t.py, parameters: {clip: {values: [null, 1.5]}}}")
        let commands = try runs(sweep).commands
        #expect(commands.map { $0.dropFirst(5).joined() } == ["", "--clip=1.5"])
    }

    @Test(
        "what cannot be run is refused with what to write instead, all faults together",
        arguments: [
            ("method: bayes\nprogram: t.py\nparameters: {a: {value: 1}}", "run_cap: N (or method: grid)"),
            ("method: grid\nparameters: {a: {value: 1}}", "'program' is missing"),
            ("method: grid\nprogram: gone.py\nparameters: {a: {value: 1}}", "looked for /proj/gone.py"),
            ("method: grid\nprogram: t.py", "'parameters' is missing"),
            ("method: grid\nprogram: t.py\nparameters: {a: {min: 0.1, max: 1.0}}", "a grid takes"),
            ("method: random\nrun_cap: 2\nprogram: t.py\nparameters: {a: {distribution: normal, mu: 1}}", "min: A"),
            ("method: grid\nprogram: t.py\nrun_cap: 2\nparameters: {a: {values: [1, 2, 3]}}", "a grid of 3 points"),
            ("method: grid\njob: x\nprogram: t.py\nparameters: {a: {value: 1}}", "needs W&B's service"),
            ("method: grid\nprogram: t.py\nparamters: {a: {value: 1}}", "did you mean 'parameters'?"),
        ])
    func refused(_ text: String, _ words: String) {
        let error = #expect(throws: SweepFileError.self) { try convert(text, missing: ["/proj/gone.py"]) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}
