import CoreAdapters
import CoreTools
import Foundation
import ImageFiles
import Testing

/// Truth: what `SampleImages` draws with the same adapters, which other suites hold against other programs.
@Suite("Images of a grid")
struct GridDrawingTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let pipeline = tests.path + "/CoreDiffusionTests/Fixtures/pipeline-sd"

    private struct Place {
        let folder = NSTemporaryDirectory() + "radiata-grid-\(UUID().uuidString)"

        init() throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }

        func drawing() throws -> GridDrawing {
            var settings = GridDrawing.Settings(base: GridDrawingTests.pipeline, cache: folder + "/cache", threads: 2)
            settings.steps = 3
            settings.guidance = 2
            return try GridDrawing(settings)
        }

        /// What the command `sample` draws.
        func sample(_ adapters: [(path: String, strength: Double)], seed: Int) throws -> RGBImage {
            var sample = SampleImages(
                base: GridDrawingTests.pipeline, prompt: "a cat", out: "\(folder)/\(UUID().uuidString)", threads: 2)
            sample.adapters = adapters.map { ScheduledAdapter(path: $0.path, strength: $0.strength) }
            sample.seeds = [seed]
            sample.steps = 3
            sample.guidance = 2
            return try ImageFile.read(try sample.run()[0])
        }

        /// An adapter of the pipeline: a random LoRA of every attention, f32.
        func adapter(_ name: String, seed: UInt64) throws -> String {
            let path = "\(folder)/\(name).safetensors"
            try TinyAdapter.write(to: path, base: GridDrawingTests.pipeline, seed: seed)
            return path
        }
    }

    @Test("strength 0 is the base's image bit for bit, strength 1 with all blocks that of the whole adapter")
    func strengths() throws {
        let place = try Place()
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: place.folder) } }
        let path = try place.adapter("a", seed: 1)
        let other = try place.adapter("b", seed: 2)
        func image(_ strengths: [(String, Double)], _ blocks: String = "all") throws -> GridImage {
            GridImage(
                prompt: "a cat", seed: 5, adapters: strengths.map { .init(path: $0.0, strength: $0.1) },
                blocks: try AdapterBlocks(blocks))
        }
        let cases: [(GridImage, [(path: String, strength: Double)])] = [
            (try image([]), []), (try image([(path, 0)]), []), (try image([(path, 0)], "mid"), []),
            (try image([(path, 1)]), [(path, 1)]), (try image([(path, 0.5)]), [(path, 0.5)]),
            (try image([(other, 1)]), [(other, 1)]), (try image([(path, 1)]), [(path, 1)]),
            (try image([(path, 0.7), (other, 0.4)]), [(path, 0.7), (other, 0.4)]),
        ]
        let drawing = try place.drawing()
        let part = try image([(path, 1)], "in")
        var counts: [Int] = []
        try drawing.draw(cases.map(\.0) + [part]) { done, _ in counts.append(done) }
        // Three of the nine are drawn already: base, and the whole adapter.
        #expect(counts.last == 6 && counts == counts.sorted())
        func drawn(_ image: GridImage) throws -> RGBImage { try ImageFile.read(try #require(try drawing.path(image))) }
        for (image, adapters) in cases {
            #expect(try drawn(image) == place.sample(adapters, seed: 5), "\(image)")
        }
        let whole = try drawn(cases[3].0)
        let base = try drawn(cases[0].0)
        let inner = try drawn(part)
        #expect(whole != base && inner != whole && inner != base)
    }

    @Test("what is drawn is not drawn again, and every image by itself is the one of the group")
    func kept() throws {
        let place = try Place()
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: place.folder) } }
        let images = (0..<5).map { GridImage(prompt: "a cat", seed: UInt64($0), adapters: []) }
        var drawn = 0
        try place.drawing().draw([images[3]]) { done, _ in drawn = done }
        #expect(drawn == 1)
        let again = try place.drawing()
        #expect(try again.missing(images + images) == [images[0], images[1], images[2], images[4]])
        try again.draw(images) { done, _ in drawn = done }
        #expect(drawn == 4)
        #expect(try again.missing(images).isEmpty)
        for (seed, image) in images.enumerated() {
            #expect(try ImageFile.read(try #require(try again.path(image))) == place.sample([], seed: seed))
        }
        // Another prompt, another sampler setting: another image.
        #expect(try again.missing([GridImage(prompt: "a dog", seed: 0, adapters: [])]).count == 1)
    }
}
