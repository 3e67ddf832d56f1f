import CoreTools
import Foundation
import ImageFiles
import TestSupport
import Testing

/// Truth: inputs and outputs of the nodes as ComfyUI's `nodes.py` and `comfy_extras` declare them
/// (`INPUT_TYPES`, `RETURN_TYPES`), and what its server asks of a graph: every required input is there, and a
/// link leads to an output of the wanted type.
@Suite("ComfyUI's graph")
struct ComfyGraphTests {
    private static let fixtures =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        + "/CoreDiffusionTests/Fixtures/"

    /// Capitals are types of links; what is chosen from a list is one of its names here.
    private struct NodeType {
        var inputs: [String: String]
        var outputs: [String] = []
        var choices: [String: Set<String>] = [:]
    }

    private static let types: [String: NodeType] = [
        "CheckpointLoaderSimple": NodeType(inputs: ["ckpt_name": "text"], outputs: ["MODEL", "CLIP", "VAE"]),
        "LoraLoader": NodeType(
            inputs: [
                "model": "MODEL", "clip": "CLIP", "lora_name": "text", "strength_model": "number",
                "strength_clip": "number",
            ], outputs: ["MODEL", "CLIP"]),
        "CLIPSetLastLayer": NodeType(inputs: ["clip": "CLIP", "stop_at_clip_layer": "whole"], outputs: ["CLIP"]),
        "CLIPTextEncode": NodeType(inputs: ["clip": "CLIP", "text": "text"], outputs: ["CONDITIONING"]),
        "FluxGuidance": NodeType(
            inputs: ["conditioning": "CONDITIONING", "guidance": "number"], outputs: ["CONDITIONING"]),
        "KSampler": NodeType(
            inputs: [
                "model": "MODEL", "seed": "whole", "steps": "whole", "cfg": "number", "sampler_name": "text",
                "scheduler": "text", "positive": "CONDITIONING", "negative": "CONDITIONING", "latent_image": "LATENT",
                "denoise": "number",
            ], outputs: ["LATENT"],
            choices: [
                "sampler_name": ["euler", "heun", "dpmpp_2m", "ddim"], "scheduler": ["normal", "simple"],
            ]),
        "EmptyLatentImage": NodeType(
            inputs: ["width": "whole", "height": "whole", "batch_size": "whole"], outputs: ["LATENT"]),
        "EmptySD3LatentImage": NodeType(
            inputs: ["width": "whole", "height": "whole", "batch_size": "whole"], outputs: ["LATENT"]),
        "LoadImage": NodeType(inputs: ["image": "text"], outputs: ["IMAGE", "MASK"]),
        "LoadImageMask": NodeType(
            inputs: ["image": "text", "channel": "text"], outputs: ["MASK"],
            choices: ["channel": ["alpha", "red", "green", "blue"]]),
        "SetLatentNoiseMask": NodeType(inputs: ["samples": "LATENT", "mask": "MASK"], outputs: ["LATENT"]),
        "VAEEncode": NodeType(inputs: ["pixels": "IMAGE", "vae": "VAE"], outputs: ["LATENT"]),
        "VAEDecode": NodeType(inputs: ["samples": "LATENT", "vae": "VAE"], outputs: ["IMAGE"]),
        "SaveImage": NodeType(inputs: ["images": "IMAGE", "filename_prefix": "text"]),
    ]

    private struct Node: Decodable {
        var type: String
        var inputs: [String: Input]

        enum CodingKeys: String, CodingKey {
            case type = "class_type"
            case inputs
        }
    }

    private enum Input: Decodable {
        case text(String)
        case number(Double)
        case link(node: String, output: Int)

        init(from decoder: any Decoder) throws {
            if let single = try? decoder.singleValueContainer() {
                if let text = try? single.decode(String.self) {
                    self = .text(text)
                    return
                }
                if let number = try? single.decode(Double.self) {
                    self = .number(number)
                    return
                }
            }
            var list = try decoder.unkeyedContainer()
            self = .link(node: try list.decode(String.self), output: try list.decode(Int.self))
        }
    }

    private func graph(_ base: String, _ change: (inout SampleImages) throws -> Void) throws -> [String: Node] {
        let folder = try TemporaryFolder()
        var sample = SampleImages(base: Self.fixtures + base, prompt: "a cat", out: folder.path + "/out", threads: 2)
        (sample.steps, sample.guidance) = (2, 2)
        try change(&sample)
        let path = try #require(try sample.run().first)
        let chunks = PNGFile.text(of: [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
        let text = try #require(chunks.first { $0.keyword == "prompt" }?.value)
        return try JSONDecoder().decode([String: Node].self, from: Data(text.utf8))
    }

    /// Holds every node against its type, and every link against the node that it leads to.
    private func check(_ graph: [String: Node]) throws {
        for (id, node) in graph {
            let type = try #require(Self.types[node.type], "\(id): no node \(node.type)")
            #expect(Set(node.inputs.keys) == Set(type.inputs.keys), "\(node.type)")
            for (name, input) in node.inputs {
                let wanted = type.inputs[name]
                switch input {
                case .text(let text):
                    #expect(wanted == "text", "\(node.type).\(name)")
                    if let choices = type.choices[name] { #expect(choices.contains(text), "\(name) \(text)") }
                case .number(let number):
                    let isWhole = number == number.rounded()
                    #expect(wanted == "number" || wanted == "whole" && isWhole, "\(node.type).\(name)")
                case .link(let from, let output):
                    let source = try #require(graph[from].flatMap { Self.types[$0.type] }, "\(node.type).\(name)")
                    #expect(source.outputs.indices.contains(output) && source.outputs[output] == wanted)
                }
            }
        }
        // What the server runs is what a node that keeps something leads back to: here all of it.
        var reached: Set<String> = []
        var open = graph.filter { $0.value.type == "SaveImage" }.map(\.key)
        #expect(open.count == 1)
        while let id = open.popLast() {
            guard reached.insert(id).inserted, let node = graph[id] else { continue }
            for case .link(let from, _) in node.inputs.values { open.append(from) }
        }
        #expect(reached == Set(graph.keys))
    }

    @Test("every link leads to an output of its type, and no input is missing", arguments: ["sd", "flux", "sd3"])
    func links(family: String) throws {
        try check(graph("pipeline-" + family) { _ in })
    }

    @Test("so do those of a masked picture with adapters and every sampler", arguments: ["ddim", "euler", "dpm++2m"])
    func parts(sampler: String) throws {
        let folder = try TemporaryFolder()
        let (adapter, image, mask) = (
            folder.path + "/a.safetensors", folder.path + "/image.png", folder.path + "/mask.png"
        )
        try TinyAdapter.write(to: adapter, base: Self.fixtures + "pipeline-sd", seed: 1)
        try PNGFile.write(RGBImage(width: 16, height: 8), to: image)
        try PNGFile.write(RGBImage(width: 16, height: 8, fill: .white), to: mask)
        let graph = try graph("pipeline-sd") { sample in
            (sample.image, sample.mask, sample.strength, sample.clipSkip) = (image, mask, 0.5, 2)
            sample.adapters = [0.5, 0.25].map { ScheduledAdapter(path: adapter, strength: $0) }
            sample.sampler = sampler
        }
        try check(graph)
        #expect(graph.values.count { $0.type == "LoraLoader" } == 2)
    }
}
