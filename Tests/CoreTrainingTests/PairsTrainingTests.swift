import CoreEvaluation
import CoreTensor
import CoreTools
import CoreTraining
import Foundation
import ImageFiles
import RunSpec
import Testing

extension Training {
    @Suite("Training on pairs")
    struct PairsTrainingTests {
        private let tiny: TinyModel

        init() throws {
            Compute.configure(threads: 2)
            tiny = try TinyModel()
        }

        @Test(
            "the new channels learn, and a run that is stopped and continued ends with the same bytes",
            arguments: ["lora", "lokr", "full"])
        func resume(algorithm: String) throws {
            try tiny.pair()
            let job = try tiny.job([
                "algorithm": .text(algorithm), "condition_dropout": 0.2, "flip": true, "caption_dropout": 0.1,
            ])
            let (whole, first, second) = (tiny.out("whole"), tiny.out("first"), tiny.out("second"))
            #expect(try run(job, in: whole) == .finished)
            #expect(try run(job, in: first, stop: 5) == .stopped(step: 5))
            let state = first.checkpoint(AttemptFolder.checkpointName(step: 5))
            #expect(try run(job, in: second, resume: state) == .finished)
            let paths = [whole, second].map { adapterPath($0, step: 12) }
            #expect(FileManager.default.contentsEqual(atPath: paths[0], andPath: paths[1]))
            let file = try SafetensorsFile(path: paths[0])
            #expect(file.info("lora_unet_conv_in.diff")?.shape == [8, 8, 3, 3])
            let change = permuted(try file.tensor("lora_unet_conv_in.diff"), [0, 2, 3, 1])
            let source = slice(change, channels: 4..<8)
            #expect(source.values.contains { abs($0) > 1e-4 })
        }

        @Test("dropped conditions and mirrored pictures decide the result; what decides nothing leaves it alone")
        func conditions() throws {
            try tiny.pair()
            func bytes(_ parameters: [String: ParameterValue], _ name: String) throws -> Data {
                let out = tiny.out(name)
                #expect(try run(try tiny.job(parameters.merging(["epochs": 2]) { $1 }), in: out) == .finished)
                return try adapter(out, step: 6)
            }
            let usual = try bytes([:], "usual")
            #expect(try bytes(["condition_dropout": 0.05], "named") == usual)
            #expect(try bytes(["condition_dropout": 0.33], "dropped") != usual)
        }

        @Test("held-out pairs are measured beside the source, the round trip and the base; failures are counted")
        func evaluation() throws {
            try tiny.pair(heldOut: 2)
            let out = tiny.out("attempt")
            let spec = EvaluationSpec(prompts: [.train, .trigger], images: 2, steps: 2, guidance: 2, holdout: 0.2)
            let job = try tiny.job(["epochs": 2], evaluation: spec)
            let attempt = TrainingAttempt(
                job: job, out: out.path, resume: nil, cache: tiny.folder + "/cache", threads: 1, clock: { 0 })
            #expect(try attempt.run() == .done)
            let bytes = try #require(FileManager.default.contents(atPath: out.evaluations))
            let rows = try bytes.split(separator: 0x0A).map {
                try JSONDecoder().decode(EvaluationRow.self, from: Data($0))
            }
            // An edit has no trigger to be asked for.
            #expect(Set(rows.map(\.prompts)) == ["", "train", "holdout"])
            func row(_ metric: String) throws -> EvaluationRow {
                try #require(
                    rows.first { $0.metric == metric && $0.prompts == "holdout" && $0.class == "thing" }, "\(metric)")
            }
            // The second formula: over the whole picture, since source and target differ nearly everywhere.
            let pairs = try [40, 41].map { number in
                (
                    try ImageFile.read("\(tiny.data)/sources/validation/1_thing/\(number).png"),
                    try ImageFile.read("\(tiny.data)/validation/1_thing/\(number).png")
                )
            }
            let regions = pairs.map { EditRegion(source: $0.0, target: $0.1) }
            #expect(regions.allSatisfy { $0.count(.outside) == 0 })
            let source = pairs.map { PixelMetrics.signalToNoise($0.0, $0.1) }
            let reference = try #require(try row("source_edit_psnr_inside").value)
            #expect(abs(reference - source.reduce(0, +) / 2) < 1e-9)
            let (inside, gain) = (try row("edit_psnr_inside"), try row("edit_psnr_gain"))
            let failure = try row("edit_failure")
            for image in 0..<2 {
                let own = try #require(inside.values?[image])
                let gained = try #require(gain.values?[image])
                #expect(abs(own - source[image] - gained) < 1e-4)
                #expect(failure.values?[image] == (gained > 0 ? 0 : 1))
            }
            for name in ["edit_ssim_inside", "edit_ssim_gain", "bound_edit_psnr_inside", "base_edit_ssim_inside"] {
                #expect(try row(name).value?.isFinite == true)
            }
            // Nothing lies outside, so nothing is said of it.
            #expect(!rows.contains { $0.metric.hasSuffix("_outside") })
            #expect(rows.contains { $0.metric == "adapter_norm" && $0.value != nil })
        }

        @Test("edits that are no squares are drawn and measured in their own shape")
        func wide() throws {
            try tiny.pair(heldOut: 2)
            let out = tiny.out("attempt")
            let spec = EvaluationSpec(prompts: [.train], images: 2, steps: 1, guidance: 2, holdout: 0.2)
            let job = try tiny.job(["epochs": 1, "resolution": [32, 16]], evaluation: spec)
            let attempt = TrainingAttempt(
                job: job, out: out.path, resume: nil, cache: tiny.folder + "/cache", threads: 1, clock: { 0 })
            #expect(try attempt.run() == .done)
            let bytes = try #require(FileManager.default.contents(atPath: out.evaluations))
            let rows = try bytes.split(separator: 0x0A).map {
                try JSONDecoder().decode(EvaluationRow.self, from: Data($0))
            }
            let inside = rows.first {
                $0.metric == "edit_psnr_inside" && $0.prompts == "holdout" && $0.class == "thing"
            }
            #expect(inside?.values?.count == 2 && inside?.value?.isFinite == true)
        }

        @Test("a rectified flow learns from sources as tokens, exactly over a stop, and its edits are measured")
        func flux() throws {
            try tiny.pair()
            let spec = EvaluationSpec(
                prompts: [.train], images: 2, sampler: "euler", steps: 2, guidance: 2, holdout: 0.2)
            var job = try tiny.job(
                ["resolution": 16, "epochs": 2, "lr": 0.02], evaluation: spec)
            job.base =
                URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
                + "/CoreDiffusionTests/Fixtures/pipeline-flux"
            var plain = job
            plain.evaluation = nil
            let (whole, first, second) = (tiny.out("whole"), tiny.out("first"), tiny.out("second"))
            #expect(try run(plain, in: whole) == .finished)
            #expect(try run(plain, in: first, stop: 4) == .stopped(step: 4))
            let state = first.checkpoint(AttemptFolder.checkpointName(step: 4))
            #expect(try run(plain, in: second, resume: state) == .finished)
            let paths = [whole, second].map { adapterPath($0, step: 6) }
            #expect(FileManager.default.contentsEqual(atPath: paths[0], andPath: paths[1]))
            // No layer is new, so none is kept whole.
            #expect(try !SafetensorsFile(path: paths[0]).names.contains { $0.hasSuffix(".diff") })
            let encoder = tiny.folder + "/encoder"
            try FileManager.default.copyItem(atPath: tiny.base + "/clip", toPath: encoder)
            for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
                try FileManager.default.copyItem(atPath: "\(tiny.base)/tokenizer/\(name)", toPath: "\(encoder)/\(name)")
            }
            job.encoders = [.clip: encoder]
            let measured = tiny.out("measured")
            job.evaluation?.metrics = ["edit_psnr_inside", "edit_psnr_gain"]
            let attempt = TrainingAttempt(
                job: job, out: measured.path, resume: nil, cache: tiny.folder + "/cache", threads: 1, clock: { 0 })
            #expect(try attempt.run() == .done)
            let bytes = try #require(FileManager.default.contents(atPath: measured.evaluations))
            let rows = try bytes.split(separator: 0x0A).map {
                try JSONDecoder().decode(EvaluationRow.self, from: Data($0))
            }
            let names: Set = [
                "edit_psnr_inside", "edit_psnr_gain", "base_edit_psnr_inside", "bound_edit_psnr_inside",
                "source_edit_psnr_inside",
            ]
            #expect(Set(rows.map(\.metric)) == names && Set(rows.map(\.prompts)) == ["train", "holdout"])
        }

        @Test("what pairs cannot go with is refused by name")
        func refusals() throws {
            let plain = #expect(throws: TrainingError.self) {
                try run(try tiny.job(["condition_dropout": 0.1]), in: tiny.out("plain"))
            }
            #expect(plain?.message.contains("holds no pairs") == true)
            try tiny.pair()
            let prior = try tiny.job([:], regularisation: try tiny.regularisation(images: 2))
            let other = #expect(throws: TrainingError.self) { try run(prior, in: tiny.out("prior")) }
            #expect(other?.message.contains("reg_data") == true)
            var base = try tiny.job(["resolution": 16])
            base.base =
                URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
                + "/CoreDiffusionTests/Fixtures/pipeline-sd3"
            let transformer = #expect(throws: TrainingError.self) { try run(base, in: tiny.out("sd3")) }
            #expect(transformer?.message.contains("SD3Transformer2DModel") == true)
        }
    }
}
