import CoreEvaluation
import CoreTensor
import CoreTools
import CoreTraining
import Foundation
import ImageFiles
import RunSpec
import Testing

extension Training {
    /// Whole trainings on diffusers' folders of Flux.1 and Stable Diffusion 3 (the fixtures of the diffusion
    /// module's tests).
    @Suite("Training on rectified flows")
    struct FlowTrainingTests {
        private let tiny: TinyModel

        init() throws {
            Compute.configure(threads: 2)
            tiny = try TinyModel()
        }

        private static let kinds = ["flux", "sd3"]

        private func job(
            _ kind: String, _ parameters: [String: ParameterValue], evaluation: EvaluationSpec? = nil
        ) throws -> TrainingJob {
            var job = try tiny.job(
                parameters.merging(["resolution": 16]) { given, _ in given }, checkpoints: CheckpointPlan(epochs: [2]),
                evaluation: evaluation)
            job.base =
                URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
                + "/CoreDiffusionTests/Fixtures/pipeline-\(kind)"
            return job
        }

        @Test(
            "a stop and a resume change no bit, and the loss on held pictures falls", arguments: kinds,
            ["lora", "lokr"])
        func resumes(kind: String, algorithm: String) throws {
            let job = try job(kind, ["algorithm": .text(algorithm), "layers": "attn-mlp", "lr": 0.02, "epochs": 6])
            let (whole, first, second) = (tiny.out("whole"), tiny.out("first"), tiny.out("second"))
            #expect(try run(job, in: whole) == .finished)
            let losses = try String(contentsOfFile: whole.metrics, encoding: .utf8).split(separator: "\n").compactMap {
                try MetricLine(parsing: String($0)).values["validation_loss"]
            }
            #expect(losses.count == 3 && losses[2] < losses[0], "\(losses)")
            #expect(try run(job, in: first, stop: 5) == .stopped(step: 5))
            let state = first.checkpoint(AttemptFolder.checkpointName(step: 5))
            #expect(try run(job, in: second, resume: state) == .finished)
            #expect(try adapter(second, step: 18) == adapter(whole, step: 18))
        }

        @Test("an attempt draws, measures and tells the adapter's size", arguments: kinds)
        func attempt(kind: String) throws {
            let encoder = tiny.folder + "/encoder"
            try FileManager.default.copyItem(atPath: tiny.base + "/clip", toPath: encoder)
            for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
                try FileManager.default.copyItem(atPath: "\(tiny.base)/tokenizer/\(name)", toPath: "\(encoder)/\(name)")
            }
            var job = try job(
                kind, ["epochs": 2],
                evaluation: EvaluationSpec(
                    prompts: [.train, .trigger], images: 3, sampler: "euler", steps: 2, guidance: 1))
            job.encoders = [.clip: encoder]
            let out = tiny.out("attempt")
            let attempt = TrainingAttempt(
                job: job, out: out.path, resume: nil, cache: tiny.folder + "/cache", threads: 1, clock: { 0 })
            #expect(try attempt.run() == .done)
            let rows = try String(contentsOfFile: out.evaluations, encoding: .utf8).split(separator: "\n").map {
                try JSONDecoder().decode(EvaluationRow.self, from: Data($0.utf8))
            }
            #expect(rows.allSatisfy { $0.value?.isFinite == true })
            #expect(rows.contains { $0.metric == "adapter_norm" && ($0.value ?? 0) > 0 })
            #expect(Set(rows.map(\.prompts)) == ["", "train", "trigger"])
            #expect(rows.contains { $0.metric.hasPrefix("paired_fidelity") && $0.prompts == "train" })
            #expect(try ImageFile.read(out.path + "/artifacts/step-00000006.png").width > 96)
        }

        @Test("a size that the base has no places for is refused before the first step")
        func tooLarge() throws {
            let job = try job("sd3", ["resolution": 64])
            #expect {
                try TrainingRun(
                    job: job, out: tiny.out("large").path, resume: nil, surroundings: .init(clock: { 0 }))
            } throws: {
                "\($0)".contains("resolution 64×64") && "\($0)".contains("at most 32 pixels")
            }
        }
    }
}
