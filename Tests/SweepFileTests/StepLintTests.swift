import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("Sums that do not add up")
struct StepLintTests {
    /// 10 pictures, four times each.
    private static let folders: [String: [String]] = [
        "/data": ["4_veko", "notes"], "/data/4_veko": (0..<10).map { "\($0).png" } + ["0.txt"],
    ]

    private func findings(_ toml: String, _ grid: String = "unet_lr: [1e-4, 2e-4]", trainer: String = "") throws
        -> [String]
    {
        let sweep = try read(
            """
            name: t
            trainer:
              command: [t, "{config}"]
              config: { from: c.toml, flat: true }
              \(trainer)
            groups: [ { grid: { \(grid) } } ]
            """, FakeInputs(files: ["c.toml": toml]))
        return SweepLint.findings(in: sweep, exists: { _ in true }, names: { Self.folders[$0] ?? [] })
    }

    private static let base = "train_data_dir = \"/data\"\ntrain_batch_size = 4\nunet_lr = 1e-4\n"

    @Test("what adds up is not mentioned: 40 samples, batch 4, 5 epochs are 50 steps")
    func right() throws {
        let toml = Self.base + "max_train_epochs = 5\nlr_warmup_steps = 49\nsave_every_n_steps = 50\n"
        #expect(try findings(toml) == [])
        // A share of the steps.
        #expect(try findings(Self.base + "max_train_epochs = 5\nlr_warmup_steps = 0.1\n") == [])
    }

    @Test(
        "warmup, saving and sampling beyond the end, epochs and steps together, batches that are never full",
        arguments: [
            ("max_train_epochs = 5\nlr_warmup_steps = 50", "lr_warmup_steps is 50 of 50 steps (40 samples an epoch)"),
            ("max_train_epochs = 5\ngradient_accumulation_steps = 2\nlr_warmup_steps = 25", "of 25 steps"),
            ("max_train_epochs = 5\nsave_every_n_steps = 51", "no checkpoint before the end"),
            ("max_train_epochs = 5\nsample_every_n_epochs = 6", "no sample before the end"),
            ("max_train_steps = 100\nsave_every_n_steps = 200", "save_every_n_steps is 200 of 100 steps"),
            ("max_train_epochs = 5\nmax_train_steps = 100", "max_train_steps is passed over"),
        ])
    func wrong(_ toml: String, _ words: String) throws {
        let all = try findings(Self.base + toml + "\n")
        #expect(all.count == 1 && all[0].contains(words), "\(all)")
    }

    @Test("each configuration is added up with its own values")
    func axes() throws {
        let toml = Self.base + "max_train_epochs = 5\nlr_warmup_steps = 30\n"
        let all = try findings(toml, "train_batch_size: [4, 8, 64]")
        #expect(all.contains { $0.contains("lr_warmup_steps is 30 of 25 steps") }, "\(all)")
        #expect(all.contains { $0.contains("train_batch_size is 64, and an epoch has 40 samples") }, "\(all)")
        #expect(!all.contains { $0.contains("of 50 steps") })
    }

    @Test("states that are switched off, and one place for the outputs of all jobs")
    func statesAndPlaces() throws {
        let toml = Self.base + "save_state = false\noutput_dir = \"/models\"\n"
        let resume = "resume: [--resume, \"{checkpoint}\"]"
        let rules = "checkpoints: [ { glob: \"{out}/*-state\", kind: state } ]"
        let all = try findings(toml, trainer: resume + "\n  " + rules)
        #expect(all.contains { $0.contains("save_state is false") }, "\(all)")
        #expect(all.contains { $0.contains("output_dir is /models for all jobs") }, "\(all)")
        let own = "set: { output_dir: \"{out}\", save_state: true }\n  "
        let set = try findings(toml, trainer: own + resume + "\n  " + rules)
        #expect(set == [], "\(set)")
    }
}
