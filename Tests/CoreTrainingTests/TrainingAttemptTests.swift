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
            #expect(Set(rows.map(\.prompts)) == ["train", "trigger", "alter", "style"])
            #expect(rows.allSatisfy { $0.n == 4 && $0.value?.isFinite == true })
            let metrics: Set = ["image_similarity", "squared_centroid_distance", "text_similarity", "vendi"]
            let bounds: Set = ["ceiling_image_similarity", "ceiling_squared_centroid_distance"]
            #expect(
                Set(rows.map(\.metric))
                    == metrics.union(metrics.map { "base_" + $0 }).union(bounds).union(["style_distance"]))
            let sheet = try ImageFile.read(out.path + "/artifacts/step-00000006.png")
            #expect(sheet.width > 12 * 96 && sheet.height > 4 * 96)
            let artifacts = try String(contentsOfFile: out.artifacts, encoding: .utf8)
            #expect(artifacts.split(separator: "\n").count == 2 && artifacts.contains("contact-sheet"))
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
            sample.adapters = [(out.checkpoint("step-00000006") + "/adapter.safetensors", 0.5)]
            sample.steps = 2
            sample.seeds = [3, 4]
            let both = try sample.run()
            let second = try ImageFile.read(both[1])
            let text = PNGFile.text(of: [UInt8](try Data(contentsOf: URL(fileURLWithPath: both[1]))))
            #expect(text.contains { $0.keyword == "prompt" && $0.value == "veko thing" })
            #expect(text.contains { $0.keyword == "seed" && $0.value == "4" })
            sample.seeds = [4]
            #expect(try ImageFile.read(try sample.run()[0]) == second)
            sample.adapters = []
            #expect(try ImageFile.read(try sample.run()[0]) != second)
        }
    }
}
