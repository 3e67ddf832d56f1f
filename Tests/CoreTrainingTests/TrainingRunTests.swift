import CoreTensor
import CoreTraining
import Foundation
import RunSpec
import Testing

extension Training {
    @Suite("Training runs")
    struct TrainingRunTests {
        let tiny: TinyModel

        init() throws {
            Compute.configure(threads: 2)
            tiny = try TinyModel()
        }

        private func lines(_ out: AttemptFolder) throws -> [MetricLine] {
            try String(contentsOfFile: out.metrics, encoding: .utf8).split(separator: "\n").map {
                try MetricLine(parsing: String($0))
            }
        }

        static let kinds: [[String: ParameterValue]] = [
            ["algorithm": "lora", "layers": "full", "train_norm": true, "dropout": 0.2, "rank_dropout": 0.2],
            ["algorithm": "loha", "caption_dropout": 0.4, "schedule": "cosine", "warmup_steps": 3],
            ["algorithm": "lokr", "factor": 2, "text_encoder_lr": 0, "module_dropout": 0.3, "min_snr_gamma": 5],
            ["algorithm": "full", "layers": "unet-only", "lr": 0.001, "noise_offset": 0.1, "grad_accumulation": 2],
            [
                "algorithm": "lora", "layers": "full", "dim": 2, "min_rank": 1, "rank_power": 0.5,
                "lora_start": "orthogonal", "rank_dropout": 0.2,
            ],
            [
                "flip": true, "buckets": true, "resolution": 32, "max_token_length": 150,
                "prediction_type": "v_prediction",
                "zero_terminal_snr": true, "min_snr_gamma": 5, "prior_loss_weight": 0.5, "text_encoder_lr": 0.002,
                "schedule": "cosine-restarts", "lr_cycles": 2,
            ],
        ]

        @Test("activation checkpointing changes no loss, dropouts and trained text included", arguments: kinds.indices)
        func checkpointing(kind: Int) throws {
            let losses = try [false, true].map { checkpoints in
                var parameters = Self.kinds[kind]
                parameters["checkpointing"] = .flag(checkpoints)
                let out = tiny.out("checkpointing-\(checkpoints)")
                #expect(try run(try tiny.job(parameters), in: out) == .finished)
                return try lines(out).compactMap { $0.values["loss"] }
            }
            #expect(!losses[0].isEmpty && losses[0].count == losses[1].count)
            for (whole, again) in zip(losses[0], losses[1]) { #expect(abs(whole - again) <= 2e-5 * whole) }
        }

        /// The job of a kind; the last one has images of two shapes, held-out images and regularisation
        /// images.
        private func job(_ kind: Int) throws -> TrainingJob {
            let plan = CheckpointPlan(epochs: [2])
            guard kind == Self.kinds.count - 1 else { return try tiny.job(Self.kinds[kind], checkpoints: plan) }
            try tiny.widen()
            try tiny.holdOut(images: 2)
            return try tiny.job(
                Self.kinds[kind], checkpoints: plan, regularisation: try tiny.regularisation(images: 3))
        }

        @Test("a stopped run that is continued ends with the same bytes and the same losses", arguments: kinds.indices)
        func resumeIsExact(kind: Int) throws {
            let job = try job(kind)
            let whole = tiny.out("whole")
            #expect(try run(job, in: whole) == .finished)
            let total = try #require(try lines(whole).last?.step)
            var random = RandomStream(seed: UInt64(kind), purpose: "stopping steps")
            // Four points of each job.
            for _ in 0..<4 {
                let k = 1 + random.integer(below: total - 1)
                let (first, second) = (tiny.out("first-\(k)"), tiny.out("second-\(k)"))
                #expect(try run(job, in: first, stop: k) == .stopped(step: k))
                let state = first.checkpoint(AttemptFolder.checkpointName(step: k))
                #expect(try run(job, in: second, resume: state) == .finished)
                #expect(try adapter(second, step: total) == adapter(whole, step: total), "stopped after step \(k)")
                let losses = try (lines(first) + lines(second)).map { $0.values["loss"] }
                #expect(try losses == lines(whole).map { $0.values["loss"] })
                for folder in [first, second] { try FileManager.default.removeItem(atPath: folder.path) }
            }
        }

        @Test("training lowers the validation loss, and every metric of a step is there")
        func learns() throws {
            let out = tiny.out("learns")
            try run(try tiny.job(["epochs": 12, "layers": "full"]), in: out)
            let lines = try lines(out)
            #expect(lines.map(\.step) == Array(0...36))
            let validation = lines.compactMap { $0.values["validation_loss"] }
            #expect(validation.count == 2 && validation[1] < 0.97 * validation[0], "\(validation)")
            for key in ["loss", "lr", "grad_norm", "seconds"] {
                #expect(lines.dropFirst().allSatisfy { $0.values[key] != nil }, "\(key)")
            }
        }

        @Test("a checkpoint says what it holds, and an older state without an adapter is removed")
        func checkpointContents() throws {
            var time = 0.0
            let plan = CheckpointPlan(epochs: [2], stateEverySeconds: 10)
            let out = tiny.out("contents")
            let surroundings = TrainingRun.Surroundings(clock: {
                time += 4
                return time
            })
            let run = try TrainingRun(
                job: try tiny.job([:], checkpoints: plan), out: out.path, surroundings: surroundings)
            #expect(try run.run() == .finished)
            let names = try FileManager.default.contentsOfDirectory(atPath: out.checkpoints).sorted()
            let manifests = try names.map { name in
                let bytes = try Data(contentsOf: URL(fileURLWithPath: out.checkpoint(name) + "/manifest.json"))
                return try JSONDecoder().decode(CheckpointManifest.self, from: bytes)
            }
            #expect(manifests.allSatisfy { $0.isResumable })
            #expect(manifests.filter(\.isDeliverable).map(\.step) == [6, 12])
            #expect(manifests.filter { !$0.isDeliverable }.count == 2)
            #expect(manifests.filter(\.final).map(\.step) == [12] && manifests.last?.epoch == 4)
            for (name, manifest) in zip(names, manifests) {
                for file in manifest.files {
                    let size = try FileManager.default.attributesOfItem(atPath: out.checkpoint(name) + "/" + file.name)[
                        .size]
                    #expect(size as? Int == file.bytes)
                }
            }
        }

        @Test("a rate beyond all bounds ends in a clear error, and the state before it stays usable")
        func divergence() throws {
            let out = tiny.out("diverges")
            let job = try tiny.job(["algorithm": "full", "lr": 1e15, "max_grad_norm": 0])
            let error = #expect(throws: TrainingError.self) { try run(job, in: out) }
            #expect(error?.code == .diverged && error?.message.contains("lower the learning rate") == true)
        }

        @Test(
            "what the trainer cannot do is refused by name",
            arguments: [
                (["max_token_length": 100], "max_token_length"), (["clip_skip": 3], "clip_skip"),
                (["resolution": 15], "resolution"), (["zero_terminal_snr": true], "v_prediction"),
            ] as [([String: ParameterValue], String)])
        func refusals(parameters: [String: ParameterValue], wanted: String) throws {
            let job = try tiny.job(parameters)
            #expect {
                try run(job, in: tiny.out("refused"))
            } throws: { "\($0)".contains(wanted) }
        }

        @Test("regularisation images are visited as often as training images, and count as their weight says")
        func priorPreservation() throws {
            let prior = try tiny.regularisation(images: 2)
            let out = tiny.out("prior")
            try run(try tiny.job(["epochs": 1, "batch": 1], regularisation: prior), in: out)
            #expect(try lines(out).last?.step == 10)
            // Without any weight only the other half of the steps has a loss.
            let silent = tiny.out("silent")
            try run(
                try tiny.job(["epochs": 1, "batch": 1, "prior_loss_weight": 0], regularisation: prior), in: silent)
            let losses = try lines(silent).compactMap { $0.values["loss"] }
            #expect(losses.filter { $0 == 0 }.count == 5 && losses.filter { $0 > 0 }.count == 5)
        }

        @Test("the validation loss is that of the held-out images")
        func heldOut() throws {
            func first(_ name: String) throws -> Double? {
                let out = tiny.out(name)
                try run(try tiny.job(["epochs": 1]), in: out)
                return try lines(out).first?.values["validation_loss"]
            }
            let trained = try first("trained")
            try tiny.holdOut(images: 3)
            #expect(try first("held") != trained)
        }

        @Test("a mirrored image gives other latents, so half of the steps differ")
        func mirroring() throws {
            func losses(_ name: String, _ parameters: [String: ParameterValue]) throws -> [Double] {
                let out = tiny.out(name)
                try run(try tiny.job(parameters.merging(["batch": 1, "lr": 1e-30]) { $1 }), in: out)
                return try lines(out).compactMap { $0.values["loss"] }
            }
            let (plain, flipped) = (try losses("plain", [:]), try losses("flipped", ["flip": true]))
            let same = zip(plain, flipped).filter { $0 == $1 }.count
            #expect((3...17).contains(same), "\(same) of \(plain.count)")
        }

        @Test(
            "a miniature of SDXL learns, and stops and goes on exactly, its text encoders included or not",
            arguments: [0, 0.01])
        func large(textRate: Double) throws {
            let tiny = try TinyModel(isLarge: true)
            let parameters: [String: ParameterValue] = [
                "layers": "full", "epochs": 4, "text_encoder_lr": .number(textRate),
            ]
            let (whole, first, second) = (tiny.out("whole"), tiny.out("first"), tiny.out("second"))
            let job = try tiny.job(parameters)
            try run(job, in: whole)
            let losses = try lines(whole).compactMap { $0.values["validation_loss"] }
            #expect(losses.count == 2 && losses[1] < losses[0], "\(losses)")
            try run(job, in: first, stop: 5)
            try run(job, in: second, resume: first.checkpoint(AttemptFolder.checkpointName(step: 5)))
            #expect(try adapter(second, step: 12) == adapter(whole, step: 12))
            let path = whole.checkpoint(AttemptFolder.checkpointName(step: 12)) + "/" + AttemptFolder.adapterName
            let file = try SafetensorsFile(path: path)
            // ΔW is no longer 0 in any network that was to learn; of the first text encoder the last layer is
            // not read.
            for (prefix, learns) in [
                ("lora_unet_", true), ("lora_te1_text_model_encoder_layers_0_", textRate > 0),
                ("lora_te2_text_model_encoder_layers_1_", textRate > 0),
            ] {
                let keys = file.names.filter { $0.hasPrefix(prefix) && $0.hasSuffix("lora_up.weight") }
                #expect(keys.isEmpty != learns)
                for key in keys { #expect(try file.floats(key).contains { $0 != 0 }, "\(key)") }
            }
        }

        @Test("a state of another job, of another data set, or cut short is refused")
        func foreignStates() throws {
            let job = try tiny.job([:])
            let out = tiny.out("states")
            try run(job, in: out, stop: 2)
            let state = out.checkpoint(AttemptFolder.checkpointName(step: 2))
            var other = job
            other.job = "other"
            #expect(throws: TrainingError.self) { try run(other, in: tiny.out("a"), resume: state) }
            #expect(throws: TrainingError.self) {
                try run(try tiny.job(["lr": 0.02]), in: tiny.out("b"), resume: state)
            }
            let more = try TinyModel(images: 9)
            var moved = job
            moved.data = more.data
            #expect(throws: TrainingError.self) { try run(moved, in: tiny.out("c"), resume: state) }
            let tensors = URL(fileURLWithPath: state + "/" + AttemptFolder.stateTensorsName)
            try Data(contentsOf: tensors).dropLast(100).write(to: tensors)
            #expect(throws: (any Error).self) { try run(job, in: tiny.out("d"), resume: state) }
        }

        @Test("going on under another thread count works, warns, and stays marked as inexact")
        func inexact() throws {
            let job = try tiny.job([:])
            let (first, second) = (tiny.out("two"), tiny.out("one"))
            try run(job, in: first, stop: 3)
            let state = first.checkpoint(AttemptFolder.checkpointName(step: 3))
            Compute.configure(threads: 1)
            defer { Compute.configure(threads: 2) }
            var warnings: [String] = []
            var surroundings = TrainingRun.Surroundings(clock: { 0 })
            surroundings.warn = { warnings.append($0) }
            let run = try TrainingRun(job: job, out: second.path, resume: state, surroundings: surroundings)
            #expect(try run.run() == .finished)
            #expect(warnings.count == 1)
            let last = second.checkpoint(AttemptFolder.checkpointName(step: run.total))
            #expect(try TrainingState.position(in: last).inexact)
            #expect(try !TrainingState.position(in: state).inexact)
            let file = try SafetensorsFile(path: last + "/" + AttemptFolder.adapterName)
            #expect(file.metadata["radiata_inexact"] == "true")
        }
    }
}
