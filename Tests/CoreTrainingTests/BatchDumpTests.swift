import CoreTensor
import CoreTools
import Foundation
import RunSpec
import Testing

extension Training {
    @Suite("What a run saw, for others to check")
    struct BatchDumpTests {
        private let tiny: TinyModel

        init() throws { tiny = try TinyModel() }

        private var dump: String { tiny.folder + "/seen.safetensors" }

        /// Trains with a dump and replays it.
        ///
        /// - Returns: the furthest value of the two adapters, as a share of the largest distance moved.
        private func difference(_ parameters: [String: ParameterValue], _ name: String) throws -> Float {
            let out = tiny.out(name)
            let job = try tiny.job(
                parameters.merging(["max_grad_norm": 0, "weight_decay": 0.1]) { $1 })
            var attempt = TrainingAttempt(
                job: job, out: out.path, resume: nil, cache: tiny.folder + "/cache", threads: 1, clock: { 0 })
            attempt.dumpBatches = dump
            #expect(try attempt.run() == .done)
            let start = tiny.folder + "/seen.adapter.safetensors"
            var replay = Replay(
                model: tiny.base, adapter: start, batches: dump, learningRate: 0.01, weightDecay: 0.1)
            replay.out = tiny.folder + "/replayed.safetensors"
            let losses = try replay.run().losses
            let checkpoints = try FileManager.default.contentsOfDirectory(atPath: out.checkpoints).sorted()
            #expect(
                checkpoints.last == AttemptFolder.checkpointName(step: losses.count), "one loss for each optimiser step"
            )
            let files = try [
                start, "\(out.checkpoints)/\(try #require(checkpoints.last))/adapter.safetensors",
                tiny.folder + "/replayed.safetensors",
            ].map { try SafetensorsFile(path: $0) }
            var (away, moved): (Float, Float) = (0, 0)
            for key in files[0].names {
                let values = try files.map { try $0.floats(key) }
                for index in values[0].indices {
                    // The job's file is in f16.
                    let rounding = abs(values[2][index]) * 0x1p-11
                    away = max(away, abs(values[1][index] - values[2][index]) - rounding)
                    moved = max(moved, abs(values[2][index] - values[0][index]))
                }
            }
            #expect(moved > 0.005)
            return away / moved
        }

        @Test("model replay of the dump makes the same adapter", arguments: [0.0, 0.01])
        func replayed(textRate: Double) throws {
            let names = textRate == 0 ? "context.0" : "input_ids.0"
            #expect(try difference(["text_encoder_lr": .number(textRate), "caption_dropout": 0.3], "a") < 2e-3)
            #expect(try SafetensorsFile(path: dump).info(names) != nil)
        }

        @Test("the last group of an epoch's batches may be short: its gradients are the mean of what it has")
        func partialGroup() throws {
            // 5 pictures one at a time, two batches a step: steps of 2, 2, 1 batches in each of two epochs.
            #expect(
                try difference(["text_encoder_lr": 0, "batch": 1, "epochs": 2, "grad_accumulation": 2], "b") < 2e-3)
            let file = try SafetensorsFile(path: dump)
            let steps = try (0..<10).map { try file.integers("step.\($0)")[0] }
            #expect(steps == [0, 0, 1, 1, 2, 3, 3, 4, 4, 5])
        }

        @Test("loss weights are in the dump where samples do not count alike")
        func weights() throws {
            #expect(try difference(["text_encoder_lr": 0, "min_snr_gamma": 5], "c") < 2e-3)
            #expect(try SafetensorsFile(path: dump).info("loss_weights.0") != nil)
        }

        @Test("long captions for a trained text encoder have no place in the format and are refused")
        func longCaptions() throws {
            let job = try tiny.job(["text_encoder_lr": 0.01, "clip_skip": 2])
            var attempt = TrainingAttempt(
                job: job, out: tiny.out("d").path, resume: nil, cache: tiny.folder + "/cache", threads: 1,
                clock: { 0 })
            attempt.dumpBatches = dump
            #expect { _ = try attempt.run() } throws: { "\($0)".contains("--dump-batches") }
        }
    }
}
