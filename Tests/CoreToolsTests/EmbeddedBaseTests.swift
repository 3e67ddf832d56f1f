import CoreTensor
import CoreTools
import Foundation
import ImageFiles
import Testing

/// Truth: what diffusers' `StableDiffusionPipeline` draws on the base as it ships
/// (`Fixtures/generate_base.py`).
@Suite("The embedded base against diffusers")
struct EmbeddedBaseTests {
    struct Case: Decodable, CustomTestStringConvertible {
        let name: String
        let prompt: String
        let negative: String
        let steps: Int
        let guidance: Double
        var testDescription: String { name }
    }

    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let fixtures = tests.path + "/CoreToolsTests/Fixtures/embedded-base"
    private static let base = tests.deletingLastPathComponent().path + "/sweeps/base/emoji-64"

    static let cases: [Case] = {
        do {
            return try JSONDecoder().decode(
                [Case].self, from: Data(contentsOf: URL(fileURLWithPath: fixtures + "/cases.json")))
        } catch {
            preconditionFailure("\(error)")
        }
    }()

    @Test("pictures from the same noise are the other program's to one level of 255", arguments: cases)
    func pictures(item: Case) throws {
        let out = NSTemporaryDirectory() + "radiata-base-\(UUID().uuidString)"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: out) } }
        var sample = SampleImages(base: Self.base, prompt: item.prompt, out: out, threads: 2)
        sample.negative = item.negative
        sample.steps = item.steps
        sample.guidance = item.guidance
        sample.latents = Self.fixtures + "/latents.safetensors"
        let paths = try sample.run()
        #expect(paths.count == 2)
        for (index, path) in paths.enumerated() {
            let found = try ImageFile.read(path)
            let wanted = try ImageFile.read("\(Self.fixtures)/\(item.name)-\(index).png")
            #expect(found.width == wanted.width && found.height == wanted.height)
            let away = zip(found.pixels, wanted.pixels).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
            #expect(away <= 1, "picture \(index): \(away) levels away")
        }
    }

    @Test("the latents' shift lies in the convolutions, where every program finds it")
    func noShift() throws {
        let text = try String(contentsOfFile: Self.base + "/vae/config.json", encoding: .utf8)
        #expect(text.contains("\"shift_factor\" : null"))
    }
}
