package import CoreEvaluation
import CoreTensor
import CoreTraining
import Foundation
import ImageFiles
package import RunSpec

/// `radiata evaluate`: evaluates one adapter file against a data set, as a job's checkpoint is evaluated.
package struct EvaluateAdapter {
    package var base: String
    package var data: String
    package var adapter: String
    package var spec: EvaluationSpec
    package var cache: String
    /// Gets `evaluations.jsonl` and the contact sheet.
    package var out: String
    package var threads: Int
    /// The tokenizer's folder for a base in one file; nil looks beside it.
    package var tokenizer: String?
    /// Encoders to measure with, besides the base's own.
    package var encoders: [EncoderRole: String] = [:]
    /// The training's seed, which decides which pictures of a small set were held out.
    package var seed = 0
    /// Whether every drawn image is written too, `images/ADAPTER/CLASS-TYPE-00000.png`, and beside it as
    /// `….own.png` the picture whose caption it was drawn from.
    package var keepsImages = false

    package init(
        base: String, data: String, adapter: String, spec: EvaluationSpec, cache: String, out: String, threads: Int
    ) {
        self.base = base
        self.data = data
        self.adapter = adapter
        self.spec = spec
        self.cache = cache
        self.out = out
        self.threads = threads
    }

    /// Draws, measures and writes the sheet and the rows.
    ///
    /// - Throws: what the evaluator throws; `ImageFileError` or Foundation's error if a file cannot be
    ///   written.
    package func run(report: @escaping (String) -> Void = { _ in }) throws -> Evaluation {
        Compute.configure(threads: threads)
        var setting = Evaluator.Setting(base: base, data: data, spec: spec, training: nil, cache: cache)
        setting.encoders = encoders
        setting.tokenizer = tokenizer
        setting.seed = seed
        let evaluator = try Evaluator(setting, report: report)
        let name = URL(fileURLWithPath: adapter).deletingPathExtension().lastPathComponent
        let evaluation = try evaluator.evaluate(adapter: adapter, checkpoint: name, epoch: 0, step: 0)
        try DurableFolder.create(out)
        try PNGFile.write(evaluation.sheet, to: "\(out)/\(name).png", text: [("Software", "radiata")])
        if keepsImages { try write(evaluation.drawings, to: "\(out)/images/\(name)") }
        let rows = try LineFile(path: AttemptFolder(out).evaluations)
        for row in evaluation.rows { try rows.append(row) }
        try rows.flush(sync: true)
        return evaluation
    }

    private func write(_ drawings: [Evaluation.Drawing], to folder: String) throws {
        try DurableFolder.create(folder)
        for drawing in drawings {
            let name = drawing.class.replacing("/", with: "_")
            for (index, image) in drawing.images.enumerated() {
                let number = String(String(100_000 + index).dropFirst())
                let path = "\(folder)/\(name)-\(drawing.prompts.rawValue)-\(number)"
                try PNGFile.write(image, to: path + ".png")
                if index < drawing.own.count { try PNGFile.write(drawing.own[index], to: path + ".own.png") }
            }
        }
    }
}
