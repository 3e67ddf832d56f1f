import CoreAdapters
import CoreTools
import Foundation
import ImageFiles
import TestSupport
import Testing

/// Truth: what the figures are where nothing, or everything, is shared.
@Suite("Interference of two adapters")
struct InterferenceTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let pipeline = tests.path + "/CoreDiffusionTests/Fixtures/pipeline-sd"

    private func run(_ folder: TemporaryFolder, _ adapters: [String]) throws -> InterferenceRun {
        var settings = GridDrawing.Settings(base: Self.pipeline, cache: folder.path + "/cache", threads: 2)
        settings.steps = 2
        settings.guidance = 2
        var run = InterferenceRun(
            settings: settings, adapters: adapters.map { ($0, 1) }, prompts: ["a cat", "a dog"],
            out: folder.path + "/out")
        run.strengths = [0, 1]
        run.seeds = [0, 1]
        return run
    }

    @Test("alone an adapter keeps its whole effect; beside its opposite nothing; the picture has every cell")
    func opposites() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.safetensors"
        try TinyAdapter.write(to: path, base: Self.pipeline, seed: 1)
        var run = try run(folder, [path, path])
        run.adapters[1].strength = -1
        var counts: [Int] = []
        let report = try run.run(progress: { done, _ in counts.append(done) })
        #expect(counts == counts.sorted() && !counts.isEmpty)
        #expect(report.cells.map(\.strengths) == [[0, 0], [1, 0], [0, 1], [1, 1]])
        #expect(report.cells[0].kept == [nil, nil])
        #expect(report.cells[1].kept == [1, nil] && report.cells[1].drop == [0, nil])
        #expect(report.cells[2].kept == [nil, 1] && report.cells[2].cosine[1].map { abs($0 - 1) < 1e-12 } == true)
        // Together they are the base, but for rounding: a level of 255 in few pixels.
        for own in 0..<2 { #expect(abs(try #require(report.cells[3].kept[own])) < 0.02) }
        #expect(abs(report.weights.pairs[0].cosine + 1) < 1e-6)
        let picture = try ImageFile.read(report.picture)
        #expect(picture.width > 2 * run.side && picture.height > 4 * run.side)
    }

    @Test("the rules change what both make, and only that")
    func rules() throws {
        let folder = try TemporaryFolder()
        let paths = try [1, 2].map { seed in
            let path = "\(folder.path)/\(seed).safetensors"
            try TinyAdapter.write(to: path, base: Self.pipeline, seed: UInt64(seed))
            return path
        }
        var run = try run(folder, paths)
        run.rules = [CombinationRule(), CombinationRule(.orthogonal), CombinationRule(.ties, density: 0.5)]
        let report = try run.run()
        #expect(report.cells.map(\.rule) == ["sum", "orthogonal", "ties"].flatMap { Array(repeating: $0, count: 4) })
        for start in [4, 8] {
            for place in 0..<3 { #expect(report.cells[start + place].kept == report.cells[place].kept) }
            #expect(report.cells[start + 3].kept != report.cells[3].kept)
        }
        #expect(FileManager.default.fileExists(atPath: run.out + "/combined/ties-1.0-1.0.safetensors"))
        // Nothing is drawn twice.
        var drawn = 0
        _ = try run.run(progress: { done, _ in drawn = done })
        #expect(drawn == 0)
    }

    @Test("what cannot be compared is refused")
    func refusals() throws {
        let folder = try TemporaryFolder()
        var run = try run(folder, ["a", "b"])
        run.strengths = [0.5, 1]
        #expect { _ = try run.run() } throws: { "\($0)".contains("0 among them") }
        run.prompts = ["a cat"]
        #expect { _ = try run.run() } throws: { "\($0)".contains("two of each") }
    }
}
