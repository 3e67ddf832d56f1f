import ArgumentParser
import CoreEvaluation
import CoreTools
import Foundation
import RunSpec

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Evaluate an adapter file against a data set, as a job's checkpoint is evaluated.")

    @Option(help: "Base model: a folder, or one .safetensors file; clip/ in or beside it holds the encoders.")
    var base: String
    @Option(help: "Folder with vocab.json and merges.txt, for a base in one file; beside the file if left out.")
    var tokenizer: String?
    @OptionGroup var encoders: EncoderOptions
    @Option(help: "Data set the adapter was trained on.")
    var data: String
    @Option(help: "Adapter file.")
    var adapter: String
    @Option(help: "Prompt types, comma separated.")
    var prompts = PromptType.usual.map(\.rawValue).joined(separator: ",")
    @Option(help: "Images a prompt type and class.")
    var images = 12
    @Option(help: "Sampler: ddim, euler or dpm++2m.")
    var sampler = EvaluationSpec.standard.sampler
    @Option(help: "Sampler steps.")
    var steps = 20
    @Option(help: "Classifier-free guidance.")
    var guidance = 3.0
    @Option(help: "Share of the pictures that training held out, such as 20%; adds prompts of the type holdout.")
    var holdout: String?
    @Option(help: "The training's seed, which decides what was held out of small sets.")
    var seed = 0
    @Option(
        help: ArgumentHelp(
            "Make these metrics alone, comma separated: METRIC, METRIC@ROLE such as vendi@dinov2, METRIC@ for the base's own.",
            valueName: "metrics"))
    var metric: String?
    @Option(help: "Words of the prompts: plain, or lycoris for the paper's, sub-classes by themselves.")
    var promptSet: String?
    @Option(help: "How named encoders see pictures that are not square: crop, resize or pad.")
    var fit: String?
    @Option(help: "Folder for the rows and the contact sheet.")
    var out: String
    @Flag(help: "Write every drawn image too, and beside it the picture whose caption it was drawn from.")
    var keepImages = false

    @OptionGroup var machine: MachineOptions
    @OptionGroup var output: FormatOption

    func validate() throws {
        guard images >= 1 else { throw ValidationError("--images \(images): wanted at least 1") }
        guard steps >= 1 else { throw ValidationError("--steps \(steps): wanted at least 1") }
        if let holdout, EvaluationSpec.share(holdout) == nil {
            throw ValidationError("--holdout \(holdout): wanted a share above 0 and at most 50%, such as 20% or 0.2")
        }
        for (key, nearest) in MetricSelection(metrics).unknown {
            let hint = nearest.map { "; did you mean \($0)?" } ?? ""
            throw ValidationError("--metric \(key): no metric of the core\(hint)")
        }
        if let promptSet, PromptSet(rawValue: promptSet) == nil {
            let known = PromptSet.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--prompt-set \(promptSet): wanted \(known)")
        }
        if let fit, PictureFit(rawValue: fit) == nil {
            throw ValidationError("--fit \(fit): wanted \(PictureFit.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if encoders.aesthetic != nil, encoders.clip == nil {
            throw ValidationError("--aesthetic is a head on CLIP's image vectors; name the pair with --clip too")
        }
    }

    private var metrics: [String]? { metric.map { $0.split(separator: ",").map(String.init) } }

    func run() throws {
        let types = try prompts.split(separator: ",").map { text in
            guard let type = PromptType(rawValue: String(text)), PromptType.choices.contains(type) else {
                let known = PromptType.choices.map(\.rawValue).joined(separator: ", ")
                throw CommandFailure(.usage, "--prompts \(text): wanted any of \(known)")
            }
            return type
        }
        let spec = EvaluationSpec(
            prompts: types, images: images, sampler: sampler, steps: steps, guidance: guidance,
            holdout: holdout.flatMap(EvaluationSpec.share), metrics: metrics, fit: fit.flatMap(PictureFit.init),
            promptSet: promptSet.flatMap(PromptSet.init))
        var evaluate = EvaluateAdapter(
            base: base, data: data, adapter: adapter, spec: spec, cache: "\(out)/cache", out: out,
            threads: machine.count)
        evaluate.tokenizer = tokenizer
        evaluate.encoders = encoders.paths
        evaluate.seed = seed
        evaluate.keepsImages = keepImages
        let evaluation = try evaluate.run(report: Console.note)
        var table = TextTable(columns: ["class", "prompts", "metric", "value", "n"])
        table.rows = evaluation.rows.map {
            [
                .text($0.class), .text($0.prompts), .text($0.metric), $0.value.map { .number($0) } ?? .none,
                .number(Double($0.n)),
            ]
        }
        Console.out(try table.rendered(as: output.format))
    }
}
