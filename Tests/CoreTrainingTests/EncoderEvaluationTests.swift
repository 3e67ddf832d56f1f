import CoreAdapters
import CoreDiffusion
import CoreEvaluation
import CoreTensor
import CoreTools
import Foundation
import ImageFiles
import RunSpec
import Testing

extension Training {
    /// Encoders in the files of other libraries: the fixtures of the diffusion module's tests.
    @Suite("Evaluating with named encoders")
    struct EncoderEvaluationTests {
        private static let fixtures =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
            + "/CoreDiffusionTests/Fixtures"

        private let tiny: TinyModel
        private let adapter: String

        /// - Note: with this rate the update is too small for half floats: the adapter changes nothing.
        init() throws { try self.init(rate: 1e-30) }

        private init(rate: Double) throws {
            tiny = try TinyModel()
            let job = try tiny.job(["epochs": 1, "lr": .number(rate)])
            let attempt = TrainingAttempt(
                job: job, out: tiny.out("trained").path, resume: nil, cache: tiny.folder + "/cache", threads: 1,
                clock: { 0 })
            _ = try attempt.run()
            adapter = tiny.out("trained").checkpoints + "/step-00000003/adapter.safetensors"
        }

        private func evaluation(
            _ spec: EvaluationSpec, _ encoders: [EncoderRole: String] = [:], adapter other: String? = nil
        ) throws -> Evaluation {
            var evaluate = EvaluateAdapter(
                base: tiny.base, data: tiny.data, adapter: other ?? adapter, spec: spec, cache: tiny.folder + "/cache",
                out: tiny.folder + "/evaluated", threads: 1)
            evaluate.encoders = encoders
            return try evaluate.run()
        }

        private func spec(
            _ prompts: [PromptType], metrics: [String]? = nil, fit: PictureFit? = nil
        ) -> EvaluationSpec {
            EvaluationSpec(prompts: prompts, images: 3, steps: 2, guidance: 2, metrics: metrics, fit: fit)
        }

        /// A head that fits the tiny pair.
        private func head() throws -> String {
            var writer = SafetensorsWriter()
            writer.add("layers.0.weight", shape: [1, 8], floats: (0..<8).map { Float($0) / 10 })
            writer.add("layers.0.bias", shape: [1], floats: [5])
            let path = tiny.folder + "/head.safetensors"
            try writer.write(to: path)
            return path
        }

        private var everything: [EncoderRole: String] {
            get throws {
                [
                    .clip: tiny.base + "/clip", .dinov2: Self.fixtures + "/dinov2",
                    .vgg19: Self.fixtures + "/vgg19/model.safetensors",
                    .lpips: Self.fixtures + "/lpips-vgg/lpips.safetensors",
                    .pickscore: tiny.base + "/clip", .hpsv2: tiny.base + "/clip", .aesthetic: try head(),
                ]
            }
        }

        private func names(_ evaluation: Evaluation) -> Set<String> { Set(evaluation.rows.map(\.metric)) }

        /// The only row of a metric whose name begins so, averaged over classes.
        private func value(_ evaluation: Evaluation, _ metric: String, _ prompts: PromptType) throws -> Double {
            let rows = evaluation.rows.filter {
                $0.metric.hasPrefix(metric) && $0.prompts == prompts.rawValue && $0.class.isEmpty
            }
            #expect(rows.count == 1, "\(metric) at \(prompts): \(rows.map(\.metric))")
            return try #require(rows.first?.value)
        }

        @Test(
            "base and adapted model start from the same noise: an adapter of zeros drifts, leaks and differs by nothing"
        )
        func sameNoise() throws {
            let found = try evaluation(spec([.style, .conceptFree]), try everything)
            for drawing in found.drawings {
                #expect(Set(drawing.images.map(\.pixels)).count == 3, "\(drawing.prompts)")
            }
            #expect(found.value("style_distance", .style) == 0 && found.value("leakage", .conceptFree) == 0)
            for (metric, prompts) in [
                ("style_distance@vgg19-", PromptType.style), ("leakage@dinov2-", .conceptFree),
                ("leakage@clip-", .conceptFree), ("paired_cmmd@clip-", .style),
            ] {
                #expect(abs(try value(found, metric, prompts)) < 1e-9, "\(metric)")
            }
            #expect(found.rows.first { $0.metric == "adapter_norm" }?.value == 0)
            // The same prompts of an adapter that does something are other pictures.
            let trained = try EncoderEvaluationTests(rate: 0.05)
            let moved = try trained.evaluation(trained.spec([.style, .conceptFree]))
            #expect(try #require(moved.value("style_distance", .style)) > 0)
            #expect(try #require(moved.value("leakage", .conceptFree)) != 0)
        }

        @Test("every role adds its metrics under its own name; two encoders of one role never share one")
        func roles() throws {
            let found = try evaluation(spec(PromptType.usual), try everything)
            for metric in [
                "paired_fidelity@dinov2-vit16x2-", "kid@dinov2-vit16x2-", "sliced_wasserstein@clip-vit16x1-16-",
                "cmmd@clip-", "clip_direction@clip-", "style_distance@vgg19-", "lpips@lpips-", "base_lpips@lpips-",
                "pick_score@pickscore-vit16x1-16-", "hps_score@hpsv2-vit16x1-16-", "aesthetic_score@aesthetic-",
                "base_aesthetic_score@", "bound_image_similarity@dinov2-", "vendi@dinov2-",
            ] {
                #expect(names(found).contains { $0.hasPrefix(metric) }, "\(metric)")
            }
            // DINOv2 knows no texts, and the discrepancy's kernel is made for CLIP.
            for metric in ["text_similarity@dinov2", "clip_direction@dinov2", "cmmd@dinov2"] {
                #expect(!names(found).contains { $0.hasPrefix(metric) }, "\(metric)")
            }
            // The plain ones are the base's own, and no new ones of features.
            #expect(names(found).isSuperset(of: ["paired_fidelity", "vendi", "style_distance", "saturation"]))
            #expect(names(found).isDisjoint(with: ["kid", "cmmd", "sliced_wasserstein", "psnr"]))
            // The other OpenCLIP pair has another name, though it is of the same size.
            let folder = tiny.folder + "/other"
            try FileManager.default.copyItem(atPath: Self.fixtures + "/dinov2", toPath: folder)
            let config = try String(contentsOfFile: folder + "/config.json", encoding: .utf8)
            try (config + "\n").write(toFile: folder + "/config.json", atomically: true, encoding: .utf8)
            let other = try evaluation(spec([.trigger], metrics: ["vendi"]), [.dinov2: folder])
            let own = try evaluation(spec([.trigger], metrics: ["vendi"]), [.dinov2: Self.fixtures + "/dinov2"])
            #expect(names(other).intersection(names(own)) == ["vendi", "base_vendi"])
        }

        @Test("the metrics are those of vectors that transformers' preparation and our network give")
        func values() throws {
            let found = try evaluation(spec([.train]), [.dinov2: Self.fixtures + "/dinov2"])
            let drawing = try #require(found.drawings.first)
            let encoder = try Dinov2Encoder(folder: Self.fixtures + "/dinov2")
            func vector(_ image: RGBImage) throws -> [Double] {
                let raw = try encoder.vectors([image]).map(Double.init)
                let length = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return raw.map { $0 / length }
            }
            let pictures = try (0..<5).map { try vector(ImageFile.read("\(tiny.data)/1_thing/\($0).png")) }
            let images = try drawing.images.map(vector)
            func cosine(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
            let paired = (0..<3).map { cosine(images[$0], pictures[$0]) }
            #expect(abs(try value(found, "paired_fidelity@dinov2-", .train) - paired.reduce(0, +) / 3) < 1e-6)
            let all = images.flatMap { image in pictures.map { cosine(image, $0) } }
            #expect(abs(try value(found, "image_similarity@dinov2-", .train) - all.reduce(0, +) / 15) < 1e-6)
            let row = found.rows.first { $0.metric.hasPrefix("paired_fidelity@") && !$0.class.isEmpty }
            #expect(row?.values?.count == 3)
        }

        @Test(
            "pictures that are not square are cropped, squeezed or padded for named encoders; the base's own always crop"
        )
        func fits() throws {
            try tiny.widen()
            let fits = try ([nil] + PictureFit.allCases).map { fit in
                try evaluation(spec([.train], fit: fit), [.dinov2: Self.fixtures + "/dinov2"])
            }
            let named = try fits.map { try value($0, "image_similarity@dinov2-", .train) }
            #expect(named[0] == named[1] && Set(named).count == 3)
            let own = try fits.map { try #require($0.value("paired_fidelity", .train)) }
            #expect(Set(own).count == 1)
        }

        @Test("what the cache keeps is what is computed")
        func cached() throws {
            let encoders = [EncoderRole.dinov2: Self.fixtures + "/dinov2"]
            let first = try evaluation(spec([.train]), encoders)
            let kept = try FileManager.default.contentsOfDirectory(atPath: tiny.folder + "/cache/features")
            #expect(kept.count > 10 && kept.allSatisfy { $0.hasSuffix(".f32") })
            #expect(try evaluation(spec([.train]), encoders).rows == first.rows)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: tiny.folder + "/cache/features").count == kept.count
            )
            try FileManager.default.removeItem(atPath: tiny.folder + "/cache/features")
            #expect(try evaluation(spec([.train]), encoders).rows == first.rows)
        }

        @Test("wanted metrics alone are made, with the value that they have among all, and nothing else is drawn")
        func restricted() throws {
            let all = try evaluation(spec(PromptType.usual), try everything)
            let some = try evaluation(
                spec(PromptType.usual, metrics: ["style_distance@vgg19", "clip_direction", "adapter_norm", "kid@"]),
                try everything)
            #expect(Set(some.drawings.map(\.prompts)) == Set([.train, .trigger, .alter, .style]))
            let plain = Set(names(some).map { String($0.prefix { $0 != "@" }) })
            #expect(
                plain == ["style_distance", "clip_direction", "base_clip_direction", "adapter_norm", "kid", "base_kid"])
            #expect(!names(some).contains("style_distance") && names(some).contains("kid"))
            for row in some.rows where !row.metric.hasSuffix("kid") && !row.metric.hasSuffix("clip_direction") {
                #expect(all.rows.contains(row), "\(row.metric) at \(row.prompts)")
            }
            let one = try evaluation(spec(PromptType.usual, metrics: ["paired_fidelity"]))
            #expect(one.drawings.map(\.prompts) == [.train])
            #expect(names(one) == ["paired_fidelity", "base_paired_fidelity", "bound_paired_fidelity"])
            let none = try evaluation(spec(PromptType.usual, metrics: ["adapter_norm"]))
            #expect(none.drawings.isEmpty && names(none) == ["adapter_norm"])
        }

        @Test("the adapter's norm is that of all updates over that of all weights they change")
        func norm() throws {
            let trained = try EncoderEvaluationTests(rate: 0.05)
            let found = try trained.evaluation(trained.spec([.train], metrics: ["adapter_norm"]))
            let layers = try AdapterInspection(path: trained.adapter, base: trained.tiny.base).layers
            var (update, whole) = (0.0, 0.0)
            for layer in layers {
                let (norm, share) = (try #require(layer.norm), try #require(layer.share))
                update += norm * norm
                whole += norm * norm / (share * share)
            }
            let wanted = (update / whole).squareRoot()
            let value = try #require(found.rows.first?.value)
            #expect(wanted > 1e-3 && abs(value - wanted) < 1e-9)
        }

        @Test("encoders that are not there or do not fit are refused by their key, before anything is drawn")
        func refusals() throws {
            func refusal(_ encoders: [EncoderRole: String]) -> String {
                do {
                    _ = try evaluation(spec([.train]), encoders)
                    return "none"
                } catch { return "\(error)" }
            }
            for role in EncoderRole.allCases where role != .aesthetic {
                #expect(refusal([role: tiny.folder + "/nowhere"]).contains("evaluate.\(role.rawValue)"), "\(role)")
            }
            let aesthetic = Self.fixtures + "/aesthetic/aesthetic.safetensors"
            #expect(refusal([.aesthetic: aesthetic]).contains("evaluate.clip"))
            #expect(refusal([.aesthetic: aesthetic, .clip: tiny.base + "/clip"]).contains("makes 8"))
            #expect(refusal([.dinov2: tiny.base + "/clip"]).contains("model_type"))
        }
    }
}
