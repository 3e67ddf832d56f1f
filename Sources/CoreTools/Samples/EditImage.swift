import CoreDiffusion
import CoreTensor
import Foundation
import ImageFiles
package import RunSpec

/// `radiata edit`: changes a picture, or one that is drawn, by a second prompt and without training.
package struct EditImage {
    /// A pipeline's folder with a transformer.
    package var base: String
    package var spec: EditSpec
    /// The picture to edit; nil for one that is drawn from each seed, which is written too.
    package var image: String?
    /// What the picture shows.
    package var prompt: String
    /// What it shall show; of FluxSpace, what is added.
    package var edit: String
    package var negative = ""
    package var seeds = [0]
    /// Words of the edit whose place in the picture is FluxSpace's mask; empty for the first word.
    package var maskWords = ""
    package var out: String
    package var threads: Int

    package init(base: String, spec: EditSpec, prompt: String, edit: String, out: String, threads: Int) {
        self.base = base
        self.spec = spec
        self.prompt = prompt
        self.edit = edit
        self.out = out
        self.threads = threads
    }

    /// - Returns: the paths of the images.
    package func run(report: (String) -> Void = { _ in }) throws -> [String] {
        Compute.configure(threads: threads)
        var editor = try PictureEditor(pipeline: try DiffusionPipeline.load(path: base), spec: spec, base: base)
        editor.negative = negative
        let source = try image.map { try ImageFile.read($0) }
        try editor.check(source, maskWords: maskWords, in: edit)
        try OutputFolder.make(out)
        return try seeds.flatMap { seed in
            guard let number = UInt64(exactly: seed) else {
                throw SampleError(code: .arguments, message: "seed \(seed): wanted 0 or more")
            }
            let result = try editor.edit(
                .init(image: source, prompt: prompt, edit: edit, maskWords: maskWords, seed: number))
            let text = text(seed: seed)
            if let spread = result.spread {
                let digits = (spread * 1000).rounded() / 1000
                report("seed \(seed): the largest fine change spreads the attention's values by \(digits)")
            }
            guard source == nil else { return [try write(result.edited, "seed-\(seed)", text, report)] }
            return [
                try write(result.source, "seed-\(seed)-base", text, report),
                try write(result.edited, "seed-\(seed)-edit", text, report),
            ]
        }
    }

    /// All that made the picture, so that it can be made again.
    private func text(seed: Int) -> [(keyword: String, value: String)] {
        let given = [
            ("Software", "radiata"), ("method", spec.method.rawValue), ("prompt", prompt), ("edit", edit),
            ("negative", negative), ("seed", "\(seed)"), ("image", image ?? ""), ("mask_words", maskWords),
            ("base", base),
        ]
        return given.filter { !$0.1.isEmpty }.map { (keyword: $0.0, value: $0.1) }
            + spec.settings.map { (keyword: $0.name, value: $0.value) }
    }

    private func write(
        _ image: RGBImage, _ name: String, _ text: [(keyword: String, value: String)], _ report: (String) -> Void
    ) throws -> String {
        let path = "\(out)/\(name).png"
        try PNGFile.write(image, to: path, text: text)
        report(path)
        return path
    }
}

extension EditSpec {
    /// What its method reads, by the parameters' names.
    var settings: [(name: String, value: String)] {
        let all: [(String, String?)] = [
            ("steps", "\(steps)"), ("guidance", "\(guidance)"), ("n_max", "\(mostSteps)"), ("n_min", "\(leastSteps)"),
            ("n_avg", "\(average)"), ("source_guidance", "\(sourceGuidance)"),
            ("target_guidance", "\(targetGuidance)"), ("variant", variant.rawValue), ("coarse", "\(coarse)"),
            ("fine", "\(fine)"), ("tau", "\(tau)"), ("start", "\(start)"), ("stop", stop.map { "\($0)" }),
            ("gamma", "\(gamma)"), ("eta", "\(eta)"), ("eta_start", "\(etaStart)"), ("eta_stop", "\(etaStop)"),
            ("strength", "\(strength)"),
        ]
        return all.compactMap { name, value in
            guard let value, ParameterTable[name]?.methods?.contains(method) == true else { return nil }
            return (name, value)
        }
    }
}
