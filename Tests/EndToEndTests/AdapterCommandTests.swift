import Foundation
import TestSupport
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

    @Test("takes PEFT's folder, negative numbers as values, and prints a strength as it was typed")
    func arguments() throws {
        let folder = try TemporaryFolder()
        let peft = Self.fixtures + "/peft/lora"
        let inspected = try RadiataProgram.run(["adapter", "inspect", peft])
        #expect(inspected.status == 0 && !inspected.messages.contains("warning"), "\(inspected)")
        let bare = folder.path + "/adapter_model.safetensors"
        try FileManager.default.copyItem(atPath: peft + "/adapter_model.safetensors", toPath: bare)
        let assumed = try RadiataProgram.run(["adapter", "inspect", bare])
        #expect(assumed.status == 0 && assumed.messages.contains("alpha = rank is assumed"), "\(assumed)")
        let compared = try RadiataProgram.run([
            "adapter", "compose", "--adapter", "\(peft):0.8", "--adapter", "\(Self.file("lora")):-0.7",
        ])
        #expect(compared.status == 0, "\(compared)")
        #expect(compared.messages.contains("strength 0.8\n") && compared.messages.contains("strength -0.7\n"))
        let tuned = folder.path + "/tuned"
        let merged = try RadiataProgram.run([
            "adapter", "merge", "--model", Self.pipeline, "--adapter", "\(peft):0.8", "--out", tuned, "--type", "f32",
        ])
        #expect(merged.status == 0, "\(merged)")
        let extracted = try RadiataProgram.run([
            "adapter", "extract", "--base", Self.pipeline, "--tuned", tuned, "--out", folder.path + "/e.safetensors",
            "--algorithm", "lokr", "--factor", "-1",
        ])
        #expect(extracted.status == 0, "\(extracted)")
        for option in ["--threshold", "--dim", "--ratio"] {
            let refused = try RadiataProgram.run([
                "adapter", "resize", Self.file("lora"), "--out", folder.path + "/r", option, "-1",
            ])
            #expect(refused.status == 64 || refused.status == 2, "\(refused)")
            #expect(refused.messages.contains("\(option) -1"), "\(refused)")
        }
    }

    @Test("looks into a file of a huge update in the memory that the file takes")
    func huge() throws {
        let folder = try TemporaryFolder()
        // 20000 × 20000 numbers of rank 1: 3.2 GB if written out.
        let side = 20_000
        let name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
        let header =
            "{\"\(name).lora_down.weight\":{\"dtype\":\"F32\",\"shape\":[1,\(side)],\"data_offsets\":[0,\(4 * side)]},"
            + "\"\(name).lora_up.weight\":{\"dtype\":\"F32\",\"shape\":[\(side),1],\"data_offsets\":[\(4 * side),\(8 * side)]}}"
        var bytes = Data()
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: header.utf8)
        let ones = [Float](repeating: 1, count: 2 * side)
        ones.withUnsafeBytes { bytes.append(contentsOf: $0) }
        let path = folder.path + "/huge.safetensors"
        try bytes.write(to: URL(filePath: path))
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [
            "-c", "ulimit -v 2500000; exec \"$0\" adapter inspect \"$1\" --ranks --threads 1", RadiataProgram.path,
            path,
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && output.contains("norm 20000"), "\(output)")
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
