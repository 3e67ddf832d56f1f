import Foundation
import Testing

/// The adapter tools as a user calls them, on the fixtures of the adapter tests.
@Suite("radiata adapter")
struct AdapterCommandTests {
    private static let fixtures = RadiataProgram.root.appending(path: "Tests/CoreAdaptersTests/Fixtures").path
    private static func file(_ name: String) -> String { "\(fixtures)/adapter-\(name).safetensors" }
    private static let pipeline = fixtures + "/pipeline"

    private func json(_ ended: RadiataProgram.Ended) throws -> [String: Any] {
        try #require(ended.status == 0, "\(ended)")
        return try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    }

    @Test("inspects, merges, extracts, resizes, converts and compares")
    func tools() throws {
        let folder = try TemporaryFolder()
        let (lora, loha) = (Self.file("lora"), Self.file("loha"))
        func run(_ arguments: String...) throws -> [String: Any] {
            try json(try RadiataProgram.run(["adapter"] + arguments + ["--format", "json"]))
        }
        let report = try run("inspect", lora, "--model", Self.pipeline)
        #expect((report["layers"] as? [Any])?.count ?? 0 > 95)
        let table = try RadiataProgram.run(["adapter", "inspect", loha])
        #expect(table.status == 0 && table.output.contains("attn1_to_q") && table.messages.contains("loha"))

        let tuned = folder.path + "/tuned"
        let merged = try RadiataProgram.run([
            "adapter", "merge", "--model", Self.pipeline, "--adapter", lora, "--adapter", "\(loha):0.5", "--out", tuned,
            "--type", "f32",
        ])
        #expect(merged.status == 0, "\(merged)")
        let extracted = try run(
            "extract", "--base", Self.pipeline, "--tuned", tuned, "--out", folder.path + "/e.safetensors", "--energy",
            "0.9")
        #expect((extracted["layers"] as? [Any])?.isEmpty == false)
        let resized = try run("resize", loha, "--dim", "1", "--out", folder.path + "/r.safetensors")
        #expect((resized["layers"] as? [[String: Any]])?.allSatisfy { $0["to"] as? Int == 1 } == true)
        let converted = try run(
            "convert", loha, "--to", "diffusers", "--dim", "2", "--model", Self.pipeline, "--out",
            folder.path + "/c.safetensors")
        #expect((converted["decomposed"] as? [String: Any])?.count == 95)
        let compared = try run("compose", "--adapter", lora, "--adapter", "\(loha):0.5")
        #expect((compared["pairs"] as? [Any])?.count == 1)
    }

    @Test("refuses what it cannot do with the key or option and exit code 2")
    func refused() throws {
        let folder = try TemporaryFolder()
        let broken = try folder.write("broken.safetensors", "no tensors here")
        let cases: [([String], String)] = [
            (["inspect", broken], "broken.safetensors"),
            (["inspect", folder.path + "/none.safetensors"], "none.safetensors"),
            (["resize", Self.file("loha"), "--out", folder.path + "/x"], "--dim"),
            (["resize", Self.file("ia3"), "--dim", "2", "--out", folder.path + "/x"], "ia3 has no rank"),
            (["convert", Self.file("loha"), "--to", "peft", "--out", folder.path + "/x"], "loha is no LoRA"),
            (["compose", "--adapter", Self.file("lora")], "wanted two or more"),
            (
                ["merge", "--model", folder.path, "--adapter", Self.file("lora"), "--out", folder.path + "/x"],
                folder.path
            ),
            (
                ["extract", "--base", Self.pipeline, "--tuned", Self.pipeline, "--out", folder.path + "/x"],
                "no layer differs"
            ),
        ]
        for (arguments, text) in cases {
            let ended = try RadiataProgram.run(["adapter"] + arguments)
            #expect(ended.status == 2, "\(arguments) \(ended)")
            #expect(ended.messages.contains(text), "\(arguments) \(ended)")
        }
    }
}
