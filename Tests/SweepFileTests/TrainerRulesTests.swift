import ConfigText
import Foundation
import Ports
import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("How a program is stopped, what it goes on from, and what proves that it is done")
struct TrainerRulesTests {
    private func sweep(_ trainer: String) -> String {
        "name: t\ntrainer:\n  command: [x, \"{config}\"]\n  config: cat.toml\n  \(trainer)\ngroups: [ { list: [ {} ] } ]\n"
    }

    private func trainer(_ text: String) throws -> CommandTrainer {
        let inputs = FakeInputs(files: ["cat.toml": "max_train_epochs = 4\n"])
        return try #require(try read(sweep(text), inputs).definition.trainer.command)
    }

    private func faults(_ text: String) -> String {
        do throws(SweepFileError) {
            _ = try read(sweep(text), FakeInputs(files: ["cat.toml": "a = 1\n"]))
            return ""
        } catch {
            return error.description
        }
    }

    @Test("stops by a file and by a database, with exit codes; places lie below {out}")
    func stops() throws {
        let file = try trainer("stop: { file: \"{out}/run/*/save_quit\", wait: 5m, exits: [1, 130] }").stop
        #expect(file.file == "{out}/run/*/save_quit" && file.waitSeconds == 300 && file.exits == [1, 130])
        let flag = try trainer("stop: { sqlite: { file: \"{out}/a.db\", create: C, save: S, stop: T } }").stop.sqlite
        #expect(flag == .init(file: "{out}/a.db", create: "C", save: "S", stop: "T"))
        #expect(faults("stop: { file: /tmp/quit }").contains("wanted a place below {out}"))
        #expect(faults("stop: { sqlite: { file: \"{out}/a.db\" } }").contains("'create'"))
        #expect(faults("restore: \"{out}/../x\"").contains("wanted a place below {out}"))
    }

    @Test("what a resumed attempt gets: a folder, files of its own, numbers less what is done")
    func resumes() throws {
        let trainer = try trainer(
            "restore: \"{out}/m\"\n  remainder: { max_train_epochs: epoch, \"a.b[0].steps\": step }\n"
                + "  files: [ { text: \"step{checkpoint_step}\", to: \"{out}/latest\", when: resume } ]")
        #expect(trainer.restore == "{out}/m" && trainer.files.first?.isForResume == true)
        #expect(trainer.files.first?.content == "step{checkpoint_step}")
        let expected: [CommandTrainer.Remainder] = [
            .init(path: "max_train_epochs", counter: .epoch), .init(path: "a.b[0].steps", counter: .step),
        ]
        #expect(trainer.remainder == expected)
        #expect(faults("remainder: { max_train_epochs: hours }").contains("accepted: step, epoch"))
        #expect(faults("files: [ { text: x, from: y, to: \"{out}/z\" } ]").contains("'from' (the template) or 'text'"))
    }

    @Test("rules: companions, a number beside, epochs of the attempt, an object in a line, steps and epochs of the end")
    func rules() throws {
        let trainer = try trainer(
            """
            checkpoints:
                - { glob: "{out}/a_*", step: "_([0-9]+)", kind: state, with: [optimizer.pt], complete: self }
                - glob: "{out}/b-*-state"
                  epoch: { name: "-([0-9]+)-state", base: attempt }
                  step: { header: ss_steps, beside: [-state, .safetensors], base: attempt }
              metrics: [ { jsonl: "{out}/m.jsonl", under: metrics } ]
              done: { file: "{out}/x", step: 100, epoch: max_train_epochs }
            """)
        #expect(trainer.checkpoints[0].with == ["optimizer.pt"])
        let field = trainer.checkpoints[1].stepField
        #expect(trainer.checkpoints[1].isEpochOfAttempt == true && trainer.checkpoints[1].isStepOfAttempt == nil)
        #expect(field?.beside == ["-state", ".safetensors"] && field?.isOfAttempt == true)
        #expect(trainer.metrics.first?.under == "metrics")
        #expect(trainer.done?.step == "100" && trainer.done?.epoch == "max_train_epochs")
        #expect(faults("checkpoints: [ { glob: \"{out}/a\", with: [b] } ]").contains("needs a number in the name"))
        #expect(faults("metrics: [ { csv: \"{out}/a\", under: b } ]").contains("'under' is for jsonl"))
    }

    @Test("what decides the result is part of the id where it is used; how a program is stopped and judged is not")
    func identity() throws {
        func id(_ text: String) throws -> String {
            let inputs = FakeInputs(files: ["cat.toml": "max_train_epochs = 4\n"])
            return try #require(try read(sweep(text), inputs).plan.jobs.first).id.text
        }
        let plain = try id("env: {}")
        #expect(try id("stop: { file: \"{out}/q\", exits: [1] }") == plain)
        #expect(try id("done: { file: \"{out}/x\", epoch: 4 }") == plain)
        for other in ["restore: \"{out}/m\"", "remainder: { max_train_epochs: epoch }"] {
            #expect(try id(other) != plain)
        }
    }

    @Test("names of ai-toolkit's process may be given from there on")
    func fullNames() throws {
        let yaml = "job: extension\nconfig:\n  name: x\n  process:\n    - type: sd_trainer\n      train: { lr: 1e-4 }\n"
        let config = try TrainerConfig(yaml, path: "/a.yaml")
        #expect(config.fullName("train.lr") == "config.process[0].train.lr")
        #expect(config.fullName("config.name") == "config.name")
    }
}
