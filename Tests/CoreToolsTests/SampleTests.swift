import CoreTensor
import CoreTools
import Foundation
import ImageFiles
import RunSpec
import TestSupport
import Testing

/// Truth: identities between runs; `CoreDiffusionTests` hold the steps against diffusers, and
/// `Reference/sample_check.py` what Pillow reads in the files.
@Suite("Samples")
struct SampleTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let pipeline = tests.path + "/CoreDiffusionTests/Fixtures/pipeline-sd"

    private struct Place {
        let folder: TemporaryFolder
        let adapter: String

        init() throws {
            folder = try TemporaryFolder()
            adapter = folder.path + "/a.safetensors"
            try TinyAdapter.write(to: adapter, base: SampleTests.pipeline, seed: 1)
        }

        /// Paths of the images of a run.
        func paths(_ change: (inout SampleImages) -> Void) throws -> [String] {
            var sample = SampleImages(
                base: SampleTests.pipeline, prompt: "a cat", out: "\(folder.path)/\(UUID().uuidString)", threads: 2)
            sample.steps = 4
            sample.guidance = 2
            change(&sample)
            return try sample.run()
        }

        func images(_ change: (inout SampleImages) -> Void) throws -> [RGBImage] {
            try paths(change).map { try ImageFile.read($0) }
        }

        /// A picture whose rows differ, and a mask of its left half.
        func picture() throws -> (image: String, mask: String, pixels: RGBImage) {
            var image = RGBImage(width: 16, height: 8)
            var mask = RGBImage(width: 16, height: 8, fill: .black)
            for y in 0..<8 {
                for x in 0..<16 {
                    image[x, y] = RGBColor(red: UInt8(x * 15), green: UInt8(y * 30), blue: 120)
                    if x < 8 { mask[x, y] = .white }
                }
            }
            let paths = (folder.path + "/image.png", folder.path + "/mask.png")
            try PNGFile.write(image, to: paths.0)
            try PNGFile.write(mask, to: paths.1)
            return (paths.0, paths.1, image)
        }
    }

    @Test(
        "images do not depend on what is drawn beside them, nor on a second prompt", arguments: BenchPrecision.allCases)
    func batches(precision: BenchPrecision) throws {
        let place = try Place()
        let alone = try [3, 4, 5].map { seed in
            try place.images {
                $0.seeds = [seed]
                $0.batch = 1
                $0.precision = precision
            }[0]
        }
        for batch in [nil, 2, 3] {
            let together = try place.images {
                $0.seeds = [3, 4, 5]
                $0.batch = batch
                $0.precision = precision
            }
            #expect(together == alone)
        }
        let paths = try place.paths {
            $0.prompts = ["a dog", "a cat"]
            $0.seeds = [3, 4]
            $0.precision = precision
        }
        #expect(
            paths.map { URL(fileURLWithPath: $0).lastPathComponent } == [
                "prompt-1-seed-3.png", "prompt-1-seed-4.png", "prompt-2-seed-3.png", "prompt-2-seed-4.png",
            ])
        let images = try paths.map { try ImageFile.read($0) }
        #expect(Array(images[2...]) == Array(alone[..<2]) && images[0] != images[2])
    }

    @Test("an adapter acts in its part of the steps, and there as if it acted always")
    func parts() throws {
        let place = try Place()
        func drawn(_ adapters: [ScheduledAdapter], _ change: (inout SampleImages) -> Void = { _ in }) throws -> RGBImage
        {
            try place.images {
                $0.adapters = adapters
                change(&$0)
            }[0]
        }
        func adapter(_ strength: Double, _ part: Range<Double> = 0..<1) -> ScheduledAdapter {
            ScheduledAdapter(path: place.adapter, strength: strength, part: part)
        }
        let base = try drawn([])
        let whole = try drawn([adapter(0.8)])
        #expect(base != whole)
        // Its parts in turn, and beside each other, are the whole.
        #expect(try drawn([adapter(0.8, 0..<0.5), adapter(0.8, 0.5..<1)]) == whole)
        #expect(try drawn([adapter(0.5), adapter(0.25)]) == drawn([adapter(0.75)]))
        let half = try drawn([adapter(0.8, 0.5..<1)])
        #expect(half != base && half != whole)
        // One step begins at 0; of a picture that is half given up, the last two of four steps are taken.
        #expect(try drawn([adapter(0.8, 0..<0.1)]) { $0.steps = 1 } == drawn([adapter(0.8)]) { $0.steps = 1 })
        #expect(try drawn([adapter(0.8, 0.1..<1)]) { $0.steps = 1 } == drawn([]) { $0.steps = 1 })
        let picture = try place.picture()
        let changed = { (sample: inout SampleImages) in
            sample.image = picture.image
            sample.strength = 0.5
        }
        #expect(try drawn([adapter(0.8, 0.5..<1)], changed) == drawn([adapter(0.8)], changed))
        #expect(try drawn([adapter(0.8, 0..<0.5)], changed) == drawn([], changed))
        // A batch begins with the strengths of the first step again.
        let pair = try place.images {
            $0.adapters = [adapter(0.8, 0.5..<1)]
            $0.seeds = [0, 0]
            $0.batch = 1
        }
        #expect(pair == [half, half])
    }

    @Test("a strength that changes is on a straight line over its part")
    func ramps() {
        let ramp = ScheduledAdapter(path: "a", strength: 0.2, lastStrength: 1, part: 0.5..<1)
        let wanted: [(Double, Double)] = [(0, 0), (0.49, 0), (0.5, 0.2), (0.75, 0.6), (0.875, 0.8), (1, 0)]
        for (share, strength) in wanted { #expect(abs(ramp.strength(at: share) - strength) < 1e-12) }
        #expect(ramp.schedule == "0.2..1.0@0.5-1.0" && !ramp.isSteady)
    }

    @Test("what the mask leaves is the picture through the autoencoder, or its own pixels where that is asked")
    func masks() throws {
        let place = try Place()
        let picture = try place.picture()
        func drawn(_ prompt: String, _ change: (inout SampleImages) -> Void) throws -> RGBImage {
            try place.images {
                $0.prompts = [prompt]
                $0.image = picture.image
                change(&$0)
            }[0]
        }
        // Nothing to draw: no prompt, no seed and no strength makes a difference.
        let black = place.folder.path + "/black.png"
        try PNGFile.write(RGBImage(width: 16, height: 8, fill: .black), to: black)
        let still = try drawn("a cat") { $0.mask = black }
        let other = try drawn("a dog") {
            $0.mask = black
            $0.strength = 0.5
            $0.seeds = [9]
        }
        #expect(still == other && still.width == 16 && still.height == 8)
        let pasted = try drawn("a cat") {
            $0.mask = picture.mask
            $0.keepsUnmasked = true
        }
        let plain = try drawn("a cat") { $0.mask = picture.mask }
        for y in 0..<8 {
            for x in 0..<16 { #expect(pasted[x, y] == (x < 8 ? plain[x, y] : picture.pixels[x, y])) }
        }
        #expect(plain != still && plain != picture.pixels)
        // White everywhere, and given up altogether: the picture says nothing.
        let white = place.folder.path + "/white.png"
        try PNGFile.write(RGBImage(width: 16, height: 8), to: white)
        let free = try place.images { $0.size = PixelSize(width: 16, height: 8) }[0]
        #expect(try drawn("a cat") { $0.mask = white } == free)
    }

    @Test("the text of an image is A1111's and ComfyUI's")
    func text() throws {
        let place = try Place()
        let picture = try place.picture()
        let path = try place.paths {
            $0.prompts = ["a cat, red"]
            $0.negative = "blue"
            $0.image = picture.image
            $0.strength = 0.5
            $0.clipSkip = 2
            $0.adapters = [
                ScheduledAdapter(path: place.adapter, strength: 0.8),
                ScheduledAdapter(path: place.adapter, strength: 0.5, part: 0.5..<1),
            ]
            $0.digest = { path, start in path.hasSuffix("/a.safetensors") && start > 8 ? "0123456789abcdef" : "?" }
        }[0]
        let chunks = PNGFile.text(of: [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
        func chunk(_ keyword: String) throws -> String {
            try #require(chunks.first { $0.keyword == keyword }?.value)
        }
        #expect(
            try chunk("parameters") == """
                a cat, red <lora:a:0.8> <lora:a:0.5>
                Negative prompt: blue
                Steps: 4, Sampler: DDIM, CFG scale: 2, Seed: 0, Size: 16x8, Model: pipeline-sd, \
                Denoising strength: 0.5, Clip skip: 2, Lora hashes: "a: 0123456789ab", \
                Lora schedules: "a: 0.5@0.5-1.0"
                """)
        #expect(try chunk("positive_prompt") == "a cat, red" && chunk("strength") == "0.5")
        struct Node: Decodable {
            let type: String
            enum CodingKeys: String, CodingKey { case type = "class_type" }
        }
        let graph = try JSONDecoder().decode([String: Node].self, from: Data(try chunk("prompt").utf8))
        #expect(
            graph.values.map(\.type).sorted() == [
                "CLIPSetLastLayer", "CLIPTextEncode", "CLIPTextEncode", "CheckpointLoaderSimple", "KSampler",
                "LoadImage",
                "LoraLoader", "LoraLoader", "SaveImage", "VAEDecode", "VAEEncode",
            ])
    }

    @Test("what cannot be drawn is refused with what is wanted")
    func refusals() throws {
        let place = try Place()
        let picture = try place.picture()
        let small = place.folder.path + "/small.png"
        try PNGFile.write(RGBImage(width: 8, height: 8), to: small)
        let cases: [(String, (inout SampleImages) -> Void)] = [
            ("--image", { $0.strength = 0.5 }), ("--mask", { $0.keepsUnmasked = true }),
            ("0 to 1", { ($0.image, $0.strength) = (picture.image, 1.5) }),
            ("leaves none", { ($0.image, $0.strength) = (picture.image, 0.1) }),
            ("16×8", { ($0.image, $0.mask) = (picture.image, small) }),
            ("at least 1", { $0.batch = 0 }),
        ]
        for (words, change) in cases {
            #expect {
                _ = try place.paths(change)
            } throws: { "\($0)".contains(words) }
        }
    }
}
