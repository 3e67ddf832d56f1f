import CoreEvaluation
import CoreTensor
import CoreTools
import Foundation
import RunSpec
import Testing

extension Training {
    @Suite("What an evaluation needs")
    struct EvaluationNeedsTests {
        private let tiny: TinyModel

        init() throws { tiny = try TinyModel() }

        private func attempt(_ name: String, evaluated: Bool = true, clip: String? = nil) throws -> TrainingAttempt {
            var job = try tiny.job(
                ["epochs": 2, "dropout": 0.2, "train_norm": true], checkpoints: CheckpointPlan(epochs: [1]),
                evaluation: evaluated
                    ? EvaluationSpec(prompts: [.trigger, .style], images: 2, steps: 2, guidance: 2) : nil)
            if let clip { job.encoders[.clip] = clip }
            return TrainingAttempt(
                job: job, out: tiny.out(name).path, resume: nil, cache: tiny.folder + "/cache", threads: 1,
                clock: { 0 })
        }

        /// Moves the base's own encoders away.
        private func bare() throws -> String {
            let place = tiny.folder + "/encoders"
            try FileManager.default.moveItem(atPath: tiny.base + "/clip", toPath: place)
            return place
        }

        private func rows(_ name: String) throws -> [EvaluationRow] {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: tiny.out(name).evaluations))
            return try bytes.split(separator: 0x0A).map { try JSONDecoder().decode(EvaluationRow.self, from: Data($0)) }
        }

        private func values(_ rows: [EvaluationRow], suffix: String) -> [String: Double] {
            var values: [String: Double] = [:]
            for row in rows where row.metric.hasSuffix(suffix) && (suffix.isEmpty ? !row.metric.contains("@") : true) {
                let metric = row.metric.dropLast(suffix.count)
                values["\(row.checkpoint) \(row.class) \(row.prompts) \(metric)"] = row.value
            }
            return values
        }

        @Test("a base without encoders, as the hubs ship it, is refused before training begins, with what to get")
        func refused() throws {
            _ = try bare()
            let attempt = try attempt("a")
            #expect {
                _ = try attempt.run()
            } throws: { error in
                "\(error)".contains("no encoders") && "\(error)".contains("evaluate: {clip: DIR}")
                    && error is JobPreflightError
            }
            #expect(!FileManager.default.fileExists(atPath: tiny.out("a").metrics))
            // Without an evaluation nothing is missing.
            #expect(try self.attempt("b", evaluated: false).run() == .done)
        }

        @Test(
            "named encoders that are not there, or whose words the tokenizer does not fit, are refused before training")
        func unfit() throws {
            let missing = try attempt("a", clip: tiny.folder + "/nowhere")
            #expect { _ = try missing.run() } throws: { "\($0)".contains("evaluate.clip") }
            let config = tiny.base + "/clip/config.json"
            let text = try String(contentsOfFile: config, encoding: .utf8)
            let short = text.replacingOccurrences(
                of: "\"max_position_embeddings\" : 12", with: "\"max_position_embeddings\" : 6")
            #expect(short != text)
            try short.write(toFile: config, atomically: true, encoding: .utf8)
            let unfit = try attempt("b")
            #expect { _ = try unfit.run() } throws: { "\($0)".contains("tokenizer") && $0 is JobPreflightError }
        }

        @Test("a named pair gives the plain metrics where the base has none, and METRIC@ENCODER always")
        func named() throws {
            #expect(try attempt("own").run() == .done)
            let own = try rows("own")
            #expect(!own.contains { $0.metric.contains("@") })
            let place = try bare()
            #expect(try attempt("named", clip: place).run() == .done)
            let named = try rows("named")
            #expect(values(named, suffix: "") == values(own, suffix: ""))
            let suffixes = Set(named.compactMap { $0.metric.firstIndex(of: "@").map($0.metric.suffix(from:)) })
            let suffix = try #require(suffixes.first.map(String.init))
            // Family, size, and digits of the content.
            #expect(suffixes.count == 1 && suffix.hasPrefix("@clip-vit16x1-16-") && suffix.count == 23)
            var measured = values(own, suffix: "")
            for metric in ["style_distance", "saturation", "adapter_norm"] {
                for key in measured.keys where key.hasSuffix(metric) { measured[key] = nil }
            }
            #expect(measured.count > 10)
            func same(_ rows: [EvaluationRow]) -> Bool {
                let found = values(rows, suffix: suffix)
                return measured.allSatisfy { found[$0.key] == $0.value }
            }
            #expect(same(named))

            // Beside the base's own they add rows and change none.
            try FileManager.default.copyItem(atPath: place, toPath: tiny.base + "/clip")
            #expect(try attempt("both", clip: place).run() == .done)
            #expect(values(try rows("both"), suffix: "") == values(own, suffix: ""))
            #expect(same(try rows("both")))
        }

        @Test("evaluating on the lent U-Net changes nothing of the training, and tells what a fresh base would")
        func lent() throws {
            #expect(try attempt("evaluated").run() == .done)
            #expect(try attempt("alone", evaluated: false).run() == .done)
            let file = "/step-00000006/adapter.safetensors"
            #expect(
                try Data(contentsOf: URL(fileURLWithPath: tiny.out("evaluated").checkpoints + file))
                    == Data(contentsOf: URL(fileURLWithPath: tiny.out("alone").checkpoints + file)))
            // `radiata evaluate` loads a base of its own; sizes and sampler are the job's.
            let job = try attempt("evaluated").job
            let fresh = EvaluateAdapter(
                base: job.base, data: job.data, adapter: tiny.out("evaluated").checkpoints + file,
                spec: try #require(job.evaluation), cache: tiny.folder + "/other", out: tiny.folder + "/fresh",
                threads: 1)
            var keeping = fresh
            keeping.keepsImages = true
            let found = try keeping.run().rows
            let kept = try FileManager.default.contentsOfDirectory(atPath: tiny.folder + "/fresh/images/adapter")
            #expect(
                kept.sorted() == ["style", "trigger"].flatMap { type in (0..<2).map { "thing-\(type)-0000\($0).png" } })
            let evaluated = try rows("evaluated").filter { $0.checkpoint == "step-00000006" }
            #expect(found.map(\.value) == evaluated.map(\.value) && found.map(\.metric) == evaluated.map(\.metric))
        }

        @Test("needs grow with the batch and the evaluation, and shrink with checkpointing")
        func needs() throws {
            func needs(_ parameters: [String: ParameterValue], evaluated: Bool = false) throws -> JobNeeds {
                let job = try tiny.job(parameters, evaluation: evaluated ? EvaluationSpec(images: 1) : nil)
                return try JobPreflight(job).check([(job.training, 2)])
            }
            let plain = try needs([:])
            #expect(plain.memoryBytes > 100_000_000 && plain.diskBytes > 1000 && plain.evaluationBytes == 0)
            #expect(try needs(["batch": 2000]).memoryBytes > plain.memoryBytes)
            #expect(try needs(["dim": 8]).diskBytes > plain.diskBytes)
            #expect(try needs([:], evaluated: true).evaluationBytes > 0)
            #expect(plain.description.contains("memory") && plain.description.contains("disk"))
            let hungry = JobNeeds(memoryBytes: 1 << 60, trainingBytes: 1, evaluationBytes: 0, diskBytes: 1 << 60)
            #expect(JobPreflight.shortages(hungry, folder: tiny.folder).count == 2)
            #expect(JobPreflight.shortages(plain, folder: tiny.folder).count <= 1)
        }
    }
}
