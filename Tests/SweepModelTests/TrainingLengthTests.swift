import RunSpec
import SweepModel
import Testing

@Suite("How long trainings are, and which programs compare")
struct TrainingLengthTests {
    private func trainer(_ content: String?, _ values: [String: String]? = nil) -> TrainerSpec {
        let config = content.map {
            CommandTrainer.ConfigRule(sources: [CommandTrainer.ConfigRule.Source(from: "c.toml", content: $0)])
        }
        return .command(CommandTrainer(command: ["python", "{script}"], config: config, values: values))
    }

    @Test(
        "the length is a parameter's, else the configuration file's; epochs come before steps",
        arguments: [
            (["epochs": 3], nil, TrainingLength(3, .epoch)),
            (["config.process[0].train.steps": 200], "steps: 100", TrainingLength(200, .step)),
            ([:], "max_train_steps = 1600\nmax_train_epochs = 12  # long", TrainingLength(12, .epoch)),
            ([:], "process:\n  - train:\n      steps: 3000\n", TrainingLength(3000, .step)),
            ([:], "{\"lora_rank\": 8, \"epochs\": 40, \"x\": 1}", TrainingLength(40, .epoch)),
            ([:], "# epochs = 4\nlr = 1", nil), (["max_train_epochs": 0], nil, nil), ([:], "epochs = soon", nil),
        ] as [([String: ParameterValue], String?, TrainingLength?)])
    func length(parameters: [String: ParameterValue], content: String?, wanted: TrainingLength?) {
        #expect(TrainingLength(of: parameters, by: trainer(content)) == wanted)
    }

    @Test("another script and another base are another pace; rates, names and comments are none")
    func pace() {
        let base = "pretrained_model_name_or_path = \"a/sd15\"\nunet_lr = 1e-4\n"
        let here = trainer(base, ["script": "/opt/train.py"]).paceIdentity
        #expect(
            here == trainer("# mine\n" + base.replacing("1e-4", with: "5e-4"), ["script": "/opt/train.py"]).paceIdentity
        )
        #expect(here != trainer(base, ["script": "/opt/sdxl_train.py"]).paceIdentity)
        #expect(here != trainer(base.replacing("a/sd15", with: "a/sdxl"), ["script": "/opt/train.py"]).paceIdentity)
        let toolkit = "process:\n  - model:\n      name_or_path: \"flux/dev\"   # base\n      arch: flux\n"
        #expect(trainer(toolkit).paceIdentity != trainer(toolkit.replacing("dev", with: "schnell")).paceIdentity)
        #expect(trainer(nil).paceIdentity == trainer("lr = 1").paceIdentity)
        #expect(TrainerSpec.core.paceIdentity == "core")
    }

    @Test("runs are compared by their lengths only where all count alike")
    func units() throws {
        func run(_ seconds: Double, _ length: TrainingLength?) -> EarlierRuns.Run {
            EarlierRuns.Run(seconds: seconds, length: length, isSameData: true)
        }
        let steps = try #require(
            EarlierRuns([run(10, TrainingLength(100, .step)), run(40, TrainingLength(200, .step))]))
        #expect(steps.unit == .step)
        #expect(abs(try #require(steps.secondsPerEpoch) - 0.15) < 1e-12)
        let mixed = try #require(
            EarlierRuns([run(10, TrainingLength(100, .step)), run(40, TrainingLength(2, .epoch))]))
        #expect(mixed.secondsPerEpoch == nil && mixed.unit == nil && mixed.secondsPerJob == 25)
    }
}
