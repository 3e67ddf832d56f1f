import CoreEvaluation
import CoreTensor
import CoreTools
import Foundation
import ImageFiles
import RunSpec
import Testing

extension Training {
    @Suite("Whole attempts")
    struct TrainingAttemptTests {
        private let tiny: TinyModel
        private let evaluation = EvaluationSpec(images: 4, steps: 2, guidance: 2)

        init() throws { tiny = try TinyModel() }

        private func attempt(_ out: AttemptFolder, resume: String? = nil) throws -> TrainingAttempt {
            let job = try tiny.job(["epochs": 2], checkpoints: CheckpointPlan(epochs: [1]), evaluation: evaluation)
            return TrainingAttempt(
                job: job, out: out.path, resume: resume, cache: tiny.folder + "/cache", threads: 1, clock: { 0 })
        }

        private func rows(_ out: AttemptFolder) throws -> [EvaluationRow] {
            guard let bytes = FileManager.default.contents(atPath: out.evaluations) else { return [] }
            return try bytes.split(separator: 0x0A).map { try JSONDecoder().decode(EvaluationRow.self, from: Data($0)) }
        }

        @Test("every checkpoint is evaluated for each class, prompt type and metric, with floor, ceiling and a sheet")
        func wholeAttempt() throws {
            let out = tiny.out("attempt")
            #expect(try attempt(out).run() == .done)
            let rows = try rows(out)
            #expect(Set(rows.map(\.checkpoint)) == ["step-00000003", "step-00000006"])
            #expect(Set(rows.map(\.class)) == ["", "thing"])
            // What is measured of the adapter alone has no prompts.
            #expect(rows.filter { $0.prompts.isEmpty }.allSatisfy { $0.metric == "adapter_norm" && $0.n == 1 })
            #expect(Set(rows.map(\.prompts)) == ["", "train", "trigger", "alter", "style"])
            #expect(rows.allSatisfy { $0.value?.isFinite == true })
            let common: Set = [
                "image_similarity", "squared_centroid_distance", "text_similarity", "vendi", "saturation",
            ]
            let near: Set = ["nearest_training_similarity", "copying"]
            let own: Set = ["paired_fidelity", "own_picture_retrieval"]
            for (type, metrics) in [
                ("train", common.union(near).union(own)), ("trigger", common.union(near)),
                ("alter", common.union(near)), ("style", common),
            ] {
                let bounds = Set(type == "train" ? own.intersection(["paired_fidelity"]) : []).union([
                    "image_similarity"
                ])
                #expect(
                    Set(rows.filter { $0.prompts == type }.map(\.metric))
                        == metrics.union(metrics.map { "base_" + $0 }).union(bounds.map { "bound_" + $0 })
                        .union(type == "style" ? ["style_distance"] : []), "\(type)")
            }
            counts(rows)
            let sheet = try ImageFile.read(out.path + "/artifacts/step-00000006.png")
            #expect(sheet.width > 12 * 96 && sheet.height > 4 * 96)
            let artifacts = try String(contentsOfFile: out.artifacts, encoding: .utf8)
            #expect(artifacts.split(separator: "\n").count == 2 && artifacts.contains("contact-sheet"))
        }

        /// `n` is what a value was made of, and the values are those of the images.
        private func counts(_ rows: [EvaluationRow]) {
            let single: Set = [
                "image_similarity", "text_similarity", "style_distance", "nearest_training_similarity", "copying",
                "paired_fidelity", "own_picture_retrieval", "heldout_image_similarity", "saturation",
            ]
            for row in rows where !row.prompts.isEmpty {
                let isBound = row.metric.hasPrefix("bound_")
                // Four images of one prompt, or as many as fit into groups of three; five pictures.
                #expect(row.n == (isBound ? 5 : 4), "\(row)")
                let isSingle = single.contains(row.metric) && !row.class.isEmpty
                #expect((row.values != nil) == isSingle, "\(row)")
                guard let values = row.values, let value = row.value else { continue }
                let numbers = values.compactMap { $0 }
                #expect(
                    numbers.count == 4 && abs(numbers.reduce(0, +) / 4 - value) < 1e-6 * max(1, abs(value)), "\(row)")
            }
        }

        @Test("with a share held out those pictures leave training and are what held-out metrics are measured by")
        func holdout() throws {
            func run(_ name: String, holdout: Double?, seed: Int) throws -> (AttemptFolder, [EvaluationRow]) {
                var spec = EvaluationSpec(prompts: [.train, .style], images: 3, steps: 2, guidance: 2)
                spec.holdout = holdout
                var job = try tiny.job(["epochs": 1], evaluation: spec)
                job.training.seed = seed
                let out = tiny.out(name)
                let attempt = TrainingAttempt(
                    job: job, out: out.path, resume: nil, cache: tiny.folder + "/cache", threads: 1, clock: { 0 })
                #expect(try attempt.run() == .done)
                return (out, try rows(out))
            }
            let (plain, without) = try run("plain", holdout: nil, seed: 1)
            let (out, with) = try run("held", holdout: 0.4, seed: 1)
            let (_, other) = try run("other", holdout: 0.4, seed: 2)
            // Five pictures in batches of two, then three.
            #expect(FileManager.default.fileExists(atPath: plain.checkpoint("step-00000003")))
            #expect(FileManager.default.fileExists(atPath: out.checkpoint("step-00000002")))
            #expect(!without.contains { $0.metric.contains("heldout") || $0.prompts == "holdout" })
            #expect(Set(with.map(\.prompts)) == ["", "train", "style", "holdout"])
            for type in ["train", "style", "holdout"] {
                let metrics = Set(with.filter { $0.prompts == type }.map(\.metric))
                #expect(metrics.isSuperset(of: ["heldout_image_similarity", "base_heldout_squared_centroid_distance"]))
                #expect(metrics.contains("paired_fidelity") == (type != "style"))
            }
            func count(_ prompts: String, _ metric: String) -> Int? {
                with.first { $0.prompts == prompts && $0.metric == metric && !$0.class.isEmpty }?.n
            }
            #expect(count("train", "bound_paired_fidelity") == 3 && count("holdout", "bound_paired_fidelity") == 2)
            #expect(count("holdout", "paired_fidelity") == 3)
            // The same split, by the command for files: images, and beside them their own pictures.
            var spec = EvaluationSpec(prompts: [.train], images: 3, steps: 2, guidance: 2, holdout: 0.4)
            var again = EvaluateAdapter(
                base: tiny.base, data: tiny.data, adapter: out.checkpoint("step-00000002") + "/adapter.safetensors",
                spec: spec, cache: tiny.folder + "/cache", out: tiny.folder + "/again", threads: 1)
            (again.seed, again.keepsImages) = (1, true)
            let measured = try again.run()
            for type in [PromptType.train, .holdout] {
                let wanted = with.first { $0.metric == "paired_fidelity" && $0.prompts == type.rawValue }?.value
                #expect(measured.value("paired_fidelity", type) == wanted)
                let drawing = try #require(measured.drawings.first { $0.prompts == type })
                #expect(drawing.images.count == 3 && drawing.own.count == 3)
            }
            let held = tiny.folder + "/again/images/adapter/thing-holdout-0000"
            // Two pictures are held out, so the third image is of the first again.
            #expect(try ImageFile.read(held + "0.own.png") == ImageFile.read(held + "2.own.png"))
            #expect(try ImageFile.read(held + "0.own.png") != ImageFile.read(held + "1.own.png"))
            spec.holdout = nil
            again.spec = spec
            #expect(try again.run().value("paired_fidelity", .holdout) == nil)
            // Another seed holds other pictures out, so the base's own distance to them is another.
            func base(_ rows: [EvaluationRow]) -> Double? {
                rows.first { $0.metric == "base_heldout_image_similarity" && $0.prompts == "style" }?.value
            }
            #expect(base(with) != nil && base(with) != base(other))
        }

        @Test("a job that goes on evaluates what was left and nothing twice")
        func restored() throws {
            let (first, second) = (tiny.out("first"), tiny.out("second"))
            #expect(try attempt(first).run() == .done)
            let early = "step-00000003"
            try FileManager.default.createDirectory(atPath: second.checkpoints, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: first.checkpoint(early), toPath: second.checkpoint(early))
            let progress = RestoredProgress(checkpoints: [early], evaluated: [early])
            try JSONEncoder().encode(progress).write(to: URL(fileURLWithPath: second.restored))
            #expect(try attempt(second, resume: first.checkpoint(early)).run() == .done)
            #expect(try Set(rows(second).map(\.checkpoint)) == ["step-00000006"])
            let wanted = try rows(first).filter { $0.checkpoint == "step-00000006" }
            #expect(try rows(second) == wanted)

            // The same folder once more: all is there, nothing is written.
            try FileManager.default.removeItem(atPath: second.restored)
            let before = try rows(second).count
            let last = second.checkpoint("step-00000006")
            #expect(try attempt(second, resume: last).run() == .done)
            #expect(try Set(rows(second).dropFirst(before).map(\.checkpoint)) == [early])
        }

        @Test("a stop while images are drawn keeps the checkpoint and can be gone on from")
        func stopWhileJudging() throws {
            let out = tiny.out("stopped")
            var stop = false
            var attempt = try attempt(out)
            attempt.shouldStop = { stop }
            attempt.report = { line in if line.contains("drawing") { stop = true } }
            #expect(try attempt.run() == .stopped(step: 3))
            #expect(try rows(out).isEmpty)
            let again = try self.attempt(out, resume: out.checkpoint("step-00000003"))
            #expect(try again.run() == .done)
            #expect(try Set(rows(out).map(\.checkpoint)) == ["step-00000003", "step-00000006"])
        }

        @Test("samples carry their parameters and do not depend on what was drawn before")
        func samples() throws {
            let out = tiny.out("attempt")
            #expect(try attempt(out).run() == .done)
            var sample = SampleImages(base: tiny.base, prompt: "veko thing", out: tiny.folder + "/samples", threads: 1)
            sample.adapters = [
                ScheduledAdapter(path: out.checkpoint("step-00000006") + "/adapter.safetensors", strength: 0.5)
            ]
            sample.steps = 2
            sample.seeds = [3, 4]
            let both = try sample.run()
            let second = try ImageFile.read(both[1])
            let text = PNGFile.text(of: [UInt8](try Data(contentsOf: URL(fileURLWithPath: both[1]))))
            #expect(text.contains { $0.keyword == "positive_prompt" && $0.value == "veko thing" })
            #expect(text.contains { $0.keyword == "seed" && $0.value == "4" })
            sample.seeds = [4]
            #expect(try ImageFile.read(try sample.run()[0]) == second)
            sample.adapters = []
            #expect(try ImageFile.read(try sample.run()[0]) != second)
        }
    }
}
