import CoreTools
import Foundation
import ImageFiles
import RunSpec
import TestSupport
import Testing

/// On diffusers' tiny random pipelines; what pictures look like there means nothing.
@Suite("Attempts of editing jobs")
struct EditAttemptTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let pipelines = tests.path + "/CoreDiffusionTests/Fixtures"
    private static let embedded = tests.deletingLastPathComponent().path + "/sweeps/base/emoji-64"

    /// Pictures of 16 × 12 pixels, and an encoder pair with a tokenizer of its own.
    private struct Place {
        let folder: TemporaryFolder
        var path: String { folder.path }
        var clip: String { path + "/clip" }
        var data: String { path + "/data" }

        init(drawn: Bool = false) throws {
            folder = try TemporaryFolder()
            let files = FileManager.default
            try files.createDirectory(atPath: path + "/data", withIntermediateDirectories: true)
            try files.copyItem(atPath: EditAttemptTests.embedded + "/clip", toPath: path + "/clip")
            for name in try files.contentsOfDirectory(atPath: EditAttemptTests.embedded + "/tokenizer") {
                try files.copyItem(
                    atPath: "\(EditAttemptTests.embedded)/tokenizer/\(name)", toPath: "\(path)/clip/\(name)")
            }
            var lines: [String] = []
            for (index, name) in ["cat", "house"].enumerated() {
                let pixels = (0..<16 * 12 * 3).map { UInt8(($0 * (7 + 4 * index) + $0 / 48 * 5) % 256) }
                try PNGFile.write(RGBImage(width: 16, height: 12, pixels: pixels), to: "\(data)/\(name).png")
                lines.append(#"{"image": "\#(name).png", "prompt": "\#(name)", "edit": "red \#(name)"}"#)
            }
            if drawn { lines.append(#"{"prompt": "sun", "edit": "blue sun", "concept": "blue"}"#) }
            _ = try folder.write("data/edits.jsonl", lines.joined(separator: "\n"))
        }

        func attempt(_ spec: EditSpec, _ out: String, cache: String = "cache", base: String = "pipeline-flux")
            -> EditAttempt
        {
            EditAttempt(
                task: EditTask(
                    job: "job", base: "\(EditAttemptTests.pipelines)/\(base)", data: data, encoders: [.clip: clip],
                    edit: spec, seed: 5), out: "\(path)/\(out)", cache: "\(path)/\(cache)", threads: 1)
        }

        func rows(_ out: String) throws -> [String: EvaluationRow] {
            let lines = try folder.read("\(out)/evaluations.jsonl").split(separator: "\n")
            let rows = try lines.map { try JSONDecoder().decode(EvaluationRow.self, from: Data($0.utf8)) }
            return Dictionary(uniqueKeysWithValues: rows.map { ($0.metric, $0) })
        }
    }

    private static func spec(_ method: EditMethod, steps: Int = 4) -> EditSpec {
        var spec = EditSpec(method)
        (spec.steps, spec.mostSteps, spec.guidance) = (steps, 3, 2)
        return spec
    }

    @Test("SDEdit of strength 0 leaves what the autoencoder leaves, and changes in no direction")
    func nothing() throws {
        let place = try Place()
        var spec = Self.spec(.sdedit)
        spec.strength = 0
        #expect(try place.attempt(spec, "out").run())
        let rows = try place.rows("out")
        for name in ["psnr", "ssim", "similarity_to_source"] {
            let (own, bound) = (try #require(rows[name]), try #require(rows["bound_" + name]))
            #expect(own.value != nil && own.value == bound.value && own.values == bound.values && own.n == 2)
            #expect(own.checkpoint == "edit" && own.prompts == "edit" && own.class == "" && own.epoch == 0)
        }
        #expect(rows["attention_spread"] == nil)
        // Every picture, and one sheet; nothing is kept of a job that is done.
        let artifacts = try place.folder.read("out/artifacts.jsonl").split(separator: "\n").map {
            try JSONDecoder().decode(ArtifactRow.self, from: Data($0.utf8))
        }
        #expect(artifacts.map(\.kind) == ["contact-sheet", "sample", "sample"])
        #expect(artifacts.map(\.name) == ["edits.png", "cat.png", "house.png"])
        #expect(try ImageFile.read("\(place.path)/out/\(artifacts[1].path)").width == 16)
        #expect(!place.folder.exists("cache/edits/job"))
    }

    @Test("every method edits pictures that are given and one that is drawn", arguments: EditMethod.allCases)
    func methods(method: EditMethod) throws {
        let place = try Place(drawn: true)
        var spec = Self.spec(method)
        (spec.fine, spec.coarse, spec.eta) = (5, 0.5, 0.3)
        #expect(try place.attempt(spec, "out").run())
        let rows = try place.rows("out")
        for name in [
            "psnr", "ssim", "similarity_to_source", "text_similarity", "base_text_similarity", "clip_direction",
        ] {
            // The direction is always told with its encoder.
            let row = try #require(rows[name] ?? rows.first { $0.key.hasPrefix(name + "@") }?.value, "\(name)")
            #expect(row.n == 3 && row.values?.count == 3 && row.value?.isFinite == true, "\(name)")
        }
        // What was drawn has no bound.
        #expect(rows["bound_psnr"] == nil && rows["bound_similarity_to_source"] == nil)
        // Something came of it.
        #expect(rows["psnr"]?.values?.allSatisfy { ($0 ?? .infinity) < 60 } == true)
        let spreads = rows["attention_spread"]?.values
        #expect((spreads != nil) == (method == .fluxspace) && spreads?.allSatisfy { ($0 ?? 0) > 0 } != false)
    }

    @Test("an edit that leaves every pixel of a drawn picture has figures all the same")
    func unchanged() throws {
        let place = try Place()
        _ = try place.folder.write("data/edits.jsonl", #"{"prompt": "sun", "edit": "blue sun"}"#)
        var spec = Self.spec(.fluxspace)
        (spec.fine, spec.coarse) = (0, 0)
        #expect(try place.attempt(spec, "out").run())
        let row = try #require(try place.rows("out")["psnr"])
        // An error of 1/12 of a step squared.
        #expect(abs(try #require(row.value) - 58.923) < 0.001 && row.values?.count == 1)
    }

    @Test("a picture that is no use is told before the first one is edited")
    func looked() throws {
        let place = try Place()
        let list = try place.folder.read("data/edits.jsonl")
        _ = try place.folder.write(
            "data/edits.jsonl", list + "\n" + #"{"image": "dot.png", "prompt": "a", "edit": "b"}"#)
        try PNGFile.write(RGBImage(width: 1, height: 1), to: place.data + "/dot.png")
        var lines: [String] = []
        var attempt = place.attempt(Self.spec(.sdedit), "out")
        attempt.report = { lines.append($0) }
        #expect {
            try attempt.run()
        } throws: { error in
            "\(error)".contains("1×1 pixels, wanted at least") && TrainingAttempt.isRefusal(error)
        }
        #expect(lines == [])
    }

    @Test("the same is refused before a job runs, where its base cannot do it or draw the size")
    func preflight() throws {
        func fault(_ base: String, _ change: (inout EditSpec) -> Void) -> String? {
            var spec = Self.spec(.fluxspace)
            change(&spec)
            do {
                try JobPreflight(base: "\(Self.pipelines)/\(base)").check(edits: [spec])
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(fault("pipeline-flux") { _ in } == nil)
        #expect(fault("pipeline-sd3") { _ in }?.contains("fluxspace wants Flux.1") == true)
        #expect(fault("pipeline-sd3") { $0.method = .sdedit } == nil)
        #expect(fault("pipeline-sd") { $0.method = .sdedit }?.contains("no transformer/") == true)
        #expect(fault("pipeline-flux") { $0.size = PixelSize(width: 17, height: 16) }?.contains("multiples of") == true)
    }

    @Test("FluxSpace without scales is the inversion with the picture's own prompt")
    func noScales() throws {
        let place = try Place()
        let list = try place.folder.read("data/edits.jsonl")
        var (space, inversion) = (Self.spec(.fluxspace), Self.spec(.rfInversion))
        (space.eta, inversion.eta) = (0.5, 0.5)
        (space.etaStop, inversion.etaStop) = (0.5, 0.5)
        #expect(try place.attempt(space, "space").run())
        _ = try place.folder.write("data/edits.jsonl", list.replacing("\"red ", with: "\""))
        #expect(try place.attempt(inversion, "inversion").run())
        let (a, b) = (try place.rows("space"), try place.rows("inversion"))
        // The two read a level in other units, so that last bits differ.
        for (name, most) in [("psnr", 0.1), ("ssim", 1e-3), ("similarity_to_source", 1e-3)] {
            let pairs = zip(try #require(a[name]?.values), try #require(b[name]?.values))
            #expect(pairs.allSatisfy { abs(($0 ?? 0) - ($1 ?? .infinity)) < most }, "\(name)")
        }
    }

    @Test("an interrupted attempt goes on behind the pictures that are edited, to the same figures")
    func resumed() throws {
        let place = try Place()
        var spec = Self.spec(.sdedit, steps: 3)
        spec.strength = 1
        #expect(try place.attempt(spec, "whole", cache: "other").run())
        var calls = 0
        var first = place.attempt(spec, "first")
        // Three steps of the first picture, one of the second.
        first.shouldStop = {
            calls += 1
            return calls > 4
        }
        #expect(try !first.run())
        #expect(!place.folder.exists("first/evaluations.jsonl") && place.folder.exists("cache/edits/job/cat.json"))
        var lines: [String] = []
        var second = place.attempt(spec, "second")
        second.report = { lines.append($0) }
        #expect(try second.run())
        #expect(lines == ["cat: kept", "house: edited"])
        #expect(try place.rows("second") == place.rows("whole"))
    }

    @Test("a kept picture that is torn is edited again")
    func torn() throws {
        let place = try Place()
        var spec = Self.spec(.sdedit, steps: 3)
        spec.strength = 1
        var calls = 0
        var first = place.attempt(spec, "first")
        first.shouldStop = {
            calls += 1
            return calls > 4
        }
        #expect(try !first.run())
        _ = try place.folder.write("cache/edits/job/cat.edited.png", "no picture")
        var lines: [String] = []
        var second = place.attempt(spec, "second")
        second.report = { lines.append($0) }
        #expect(try second.run())
        #expect(lines == ["cat: edited", "house: edited"])
    }

    @Test("asked to stop, no method goes on to its end", arguments: EditMethod.allCases)
    func stopped(method: EditMethod) throws {
        let place = try Place(drawn: true)
        var attempt = place.attempt(Self.spec(method), "out")
        attempt.shouldStop = { true }
        #expect(try !attempt.run())
        #expect(!place.folder.exists("out/evaluations.jsonl") && !place.folder.exists("cache/edits/job"))
    }

    @Test("what a base cannot do is a refusal: no other try would help")
    func refused() throws {
        let place = try Place()
        #expect {
            try place.attempt(Self.spec(.fluxspace), "out", base: "pipeline-sd3").run()
        } throws: { error in
            "\(error)".contains("fluxspace wants Flux.1") && TrainingAttempt.isRefusal(error)
        }
        #expect {
            try place.attempt(Self.spec(.sdedit), "out", base: "pipeline-sd").run()
        } throws: { error in
            "\(error)".contains("no transformer/") && TrainingAttempt.isRefusal(error)
        }
    }
}
