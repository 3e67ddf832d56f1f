import CoreDiffusion
import Foundation
import ImageFiles

extension SampleText {
    /// ComfyUI's `prompt`: the graph in the form of its API, of nodes that every installation has.
    ///
    /// An adapter whose strength changes on the way stands with its first strength, since ComfyUI's loader
    /// has one.
    func graph(of item: SampleImages.Item, _ image: RGBImage) throws -> String {
        var graph = Graph()
        let checkpoint = graph.add("CheckpointLoaderSimple", ["ckpt_name": .text(file(sample.base))])
        var (model, clip) = (Graph.output(checkpoint, 0), Graph.output(checkpoint, 1))
        let vae = Graph.output(checkpoint, 2)
        for adapter in sample.adapters {
            let loader = graph.add(
                "LoraLoader",
                [
                    "model": model, "clip": clip, "lora_name": .text(file(adapter.path)),
                    "strength_model": .number(adapter.strength), "strength_clip": .number(adapter.strength),
                ])
            (model, clip) = (Graph.output(loader, 0), Graph.output(loader, 1))
        }
        if sample.clipSkip > 1 {
            let skip = graph.add(
                "CLIPSetLastLayer", ["clip": clip, "stop_at_clip_layer": .number(Double(-sample.clipSkip))])
            clip = Graph.output(skip, 0)
        }
        var positive = Graph.output(graph.add("CLIPTextEncode", ["clip": clip, "text": .text(item.prompt)]), 0)
        let negative = Graph.output(graph.add("CLIPTextEncode", ["clip": clip, "text": .text(sample.negative)]), 0)
        if embedsGuidance {
            let guided = graph.add(
                "FluxGuidance", ["conditioning": positive, "guidance": .number(sample.guidance)])
            positive = Graph.output(guided, 0)
        }
        // DDIM on a straight line is Euler.
        let samplers = [
            "ddim": isFlow ? "euler" : "ddim", "euler": "euler", "dpm++2m": "dpmpp_2m", "heun": "heun",
        ]
        let drawn = graph.add(
            "KSampler",
            [
                "model": model, "positive": positive, "negative": negative,
                "latent_image": latents(image, vae, &graph), "seed": .number(Double(item.seed)),
                "steps": .number(Double(sample.steps)),
                "cfg": .number(embedsGuidance ? 1 : sample.guidance),
                "sampler_name": .text(samplers[sample.sampler] ?? sample.sampler),
                "scheduler": .text(isFlow ? "simple" : "normal"), "denoise": .number(strength ?? 1),
            ])
        let decoded = graph.add("VAEDecode", ["samples": Graph.output(drawn, 0), "vae": vae])
        _ = graph.add("SaveImage", ["images": Graph.output(decoded, 0), "filename_prefix": .text("radiata")])
        return try graph.text()
    }

    /// What the sampler starts from: nothing, or a picture, of which a part may stay.
    private func latents(_ image: RGBImage, _ vae: JSONValue, _ graph: inout Graph) -> JSONValue {
        guard let path = sample.image else {
            let empty = graph.add(
                isFlow ? "EmptySD3LatentImage" : "EmptyLatentImage",
                [
                    "width": .number(Double(image.width)), "height": .number(Double(image.height)),
                    "batch_size": .number(1),
                ])
            return Graph.output(empty, 0)
        }
        let read = graph.add("LoadImage", ["image": .text(file(path))])
        let encoded = Graph.output(
            graph.add("VAEEncode", ["pixels": Graph.output(read, 0), "vae": vae]), 0)
        guard let mask = sample.mask else { return encoded }
        let shown = graph.add("LoadImageMask", ["image": .text(file(mask)), "channel": .text("red")])
        return Graph.output(
            graph.add("SetLatentNoiseMask", ["samples": encoded, "mask": Graph.output(shown, 0)]), 0)
    }

    private func file(_ path: String) -> String { URL(fileURLWithPath: path).lastPathComponent }

    /// Nodes by number, each with its class and inputs.
    private struct Graph {
        private var nodes: [String: JSONValue] = [:]

        /// - Returns: the node's number.
        mutating func add(_ type: String, _ inputs: [String: JSONValue]) -> String {
            let id = "\(nodes.count + 1)"
            nodes[id] = .object(["class_type": .text(type), "inputs": .object(inputs)])
            return id
        }

        static func output(_ node: String, _ place: Int) -> JSONValue { .list([.text(node), .number(Double(place))]) }

        /// One line with sorted keys, in ASCII: not every reader knows the chunks of other texts.
        func text() throws -> String {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let text = String(decoding: try encoder.encode(nodes), as: UTF8.self)
            return text.utf16.map { unit in
                unit < 128 ? String(UnicodeScalar(UInt8(unit))) : "\\u" + Self.digits(unit)
            }.joined()
        }

        private static func digits(_ unit: UInt16) -> String {
            let digits = String(unit, radix: 16)
            return String(repeating: "0", count: 4 - digits.count) + digits
        }
    }
}
