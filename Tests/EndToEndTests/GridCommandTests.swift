import Foundation
import TestSupport
import Testing

/// `radiata grid` as a user calls it: on adapter files, and on a sweep of a command.
@Suite("radiata grid", .serialized)
struct GridCommandTests {
    private static let fixtures = RadiataProgram.root.appending(path: "Tests").path
    private static let base = RadiataProgram.root.appending(path: "sweeps/base/emoji-64").path

    /// Width and height of a PNG file.
    private func size(_ path: String) throws -> [Int] {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        try #require(bytes.count > 24 && bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]), "\(path)")
        return [16, 20].map { start in bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
    }

    /// A LoRA of the embedded base: trained for one step.
    private func adapter(in folder: TemporaryFolder) throws -> String {
        let file = folder.path + "/job.yaml"
        try """
        name: one
        base: \(Self.base)
        data: \(RadiataProgram.root.appending(path: "data/quickstart").path)
        seeds: [1]
        checkpoints: { steps: [1] }
        defaults: { epochs: 1, batch: 40 }
        groups: [ { name: lora, list: [ { algorithm: lora, layers: attn-only, dim: 4, lr: 1e-2 } ] } ]
        """.write(toFile: file, atomically: true, encoding: .utf8)
        let trained = try RadiataProgram.run(["train", file, "--out", folder.path + "/attempt", "--threads", "2"])
        try #require(trained.status == 0, "\(trained)")
        let all = FileManager.default.subpaths(atPath: folder.path + "/attempt") ?? []
        let name = try #require(all.filter { $0.hasSuffix("adapter.safetensors") }.max(), "\(all)")
        return "\(folder.path)/attempt/\(name)"
    }

    @Test("draws adapter files once, keeps what is drawn, and writes picture and page")
    func files() throws {
        let folder = try TemporaryFolder()
        let path = try adapter(in: folder)
        func grid(_ output: String, _ more: [String]) throws -> RadiataProgram.Ended {
            try RadiataProgram.run(
                [
                    "grid", "--base", Self.base, "--adapter", path, "--steps", "2", "--cache", folder.path + "/cache",
                    "-o", output,
                ]
                    + more)
        }
        let picture = folder.path + "/a.png"
        let first = try grid(picture, ["--x", "strength=0,0.5,1", "--y", "seed=1..2", "--prompt", "a veko cat"])
        #expect(first.status == 0 && first.messages.contains("drawing 6 images"), "\(first)")
        let found = try size(picture)
        #expect(found[0] > 3 * 256 && found[1] > 2 * 256)
        // Strength 1 of all blocks and strength 0 are there; the middle block is new.
        let page = folder.path + "/a.html"
        let second = try grid(
            page, ["--x", "blocks=all,mid", "--y", "strength=0,1", "--z", "seed=1,2", "--prompt", "a veko cat"])
        #expect(second.status == 0 && second.messages.contains("drawing 2 images; 4 are here from before"), "\(second)")
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.components(separatedBy: "data:image/").count == 9 && html.contains("id=\"z\""))
        let third = try grid(
            page, ["--x", "blocks=all,mid", "--y", "strength=0,1", "--z", "seed=1,2", "--prompt", "a veko cat"])
        #expect(third.status == 0 && third.messages.contains("all 6 images are here from before"), "\(third)")
    }

    @Test(
        "refuses with the remedy",
        arguments: [
            (["--x", "strenght"], "did you mean strength"), (["--x", "lr"], "of a sweep only"),
            (["--x", "strength"], "Give --prompt"), (["--x", "prompt"], "give --prompt once for each"),
            (["--x", "seed=0..1e5/200", "--y", "strength=0..1/0.01", "--prompt", "p"], "name fewer values"),
            (["--x", "seed=0..900/1", "--y", "strength=0.5,1", "--prompt", "p", "--side", "16"], "--limit 1802"),
            (["--x", "blocks=dwon", "--prompt", "p"], "names none"),
            (["--x", "seed", "--y", "seed", "--prompt", "p"], "two axes"),
            (["--x", "adapter=c", "--prompt", "p"], "--adapter names adapter-lora"),
            (["--x", "seed", "--z", "strength", "--prompt", "p"], "--y"),
            (["--x", "seed", "--prompt", "p", "--where", "lr=1"], "name a sweep"),
        ])
    func refused(arguments: [String], says: String) throws {
        let folder = try TemporaryFolder()
        let file = Self.fixtures + "/CoreAdaptersTests/Fixtures/adapter-lora.safetensors"
        let ended = try RadiataProgram.run(
            [
                "grid", "--base", Self.base, "--adapter", file, "--cache", folder.path + "/c", "-o",
                folder.path + "/x.png",
            ]
                + arguments)
        #expect(ended.status == 2 || ended.status == 64, "\(ended)")
        #expect(ended.messages.contains(says), "\(ended)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/x.png"))
    }

    @Test("lays out a command's sample images by parameter and step")
    func samples() throws {
        let house = try House()
        try house.startCoordinator()
        let picture = Self.fixtures + "/ImageFilesTests/Fixtures/rgb.png"
        let script = house.folder.path + "/draw.sh"
        // Of x 3 the last step is missing.
        try """
        mkdir -p "$1/samples"
        for s in 000010 000020; do
            if [ "$2" = 3 ] && [ "$s" = 000020 ]; then continue; fi
            for p in 00 01; do cp "\(picture)" "$1/samples/mine_${s}_${p}_20250131120000.png"; done
        done
        """.write(toFile: script, atomically: true, encoding: .utf8)
        let file = house.folder.path + "/mine.yaml"
        try """
        name: mine
        trainer: { command: [sh, "\(script)", "{out}", "{x}"], samples: [ { glob: "{out}/samples/*.png" } ] }
        groups: [ { grid: { x: [1, 2, 3] } } ]
        """.write(toFile: file, atomically: true, encoding: .utf8)
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        _ = try house.startWorker("worker")
        try house.eventually("the jobs are done") {
            let states = try house.query("SELECT state, failure, message FROM jobs")
            return states.allSatisfy { $0["state"] as? String == "done" } ? nil : "\(states)"
        }
        let cache = house.folder.path + "/cache"
        let page = house.folder.path + "/mine.html"
        let ended = try house.radiata(["grid", "mine", "--x", "x", "--y", "step", "--cache", cache, "-o", page])
        #expect(ended.status == 0 && ended.messages.contains("6 cells, 1 of them missing"), "\(ended)")
        #expect(ended.messages.contains("of the 2 pictures of a step the first is shown"), "\(ended)")
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.components(separatedBy: "data:image/").count == 6 && html.contains("has none there"))
        let all = try house.radiata(
            ["grid", "mine", "--x", "x=1,2", "--y", "step=20", "--z", "prompt", "--cache", cache, "-o", page])
        #expect(all.status == 0 && all.messages.contains("4 cells, "), "\(all)")
        let unknown = try house.radiata(["grid", "mine", "--x", "x=4", "--cache", cache, "-o", page])
        #expect(unknown.status == 2 && unknown.messages.contains("there is none; x is 1, 2, 3"), "\(unknown)")
        let axis = try house.radiata(["grid", "mine", "--x", "setp", "--cache", cache, "-o", page])
        #expect(axis.status == 2 && axis.messages.contains("did you mean step"), "\(axis)")
        let undrawn = try house.radiata(["grid", "mine", "--x", "x", "--prompt", "p", "--cache", cache, "-o", page])
        #expect(undrawn.status == 3 && undrawn.messages.contains("no adapters"), "\(undrawn)")
    }
}
