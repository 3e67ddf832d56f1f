import ArgumentParser
import CoreEvaluation
import CoreTools
import Foundation
import RunSpec
import SweepClient
import SweepWire

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure what a sweep trained by more metrics, or evaluate an adapter file here.",
        discussion: """
            With a sweep's name it adds jobs that evaluate the checkpoints; training stays done. Those that train still are \
            measured when they are done. A program of your own measures images: it reads JSON lines \
            {"id", "image", "prompt", "reference", "seed", "base_image", …} and answers each with \
            {"id", "metric", "value", "note"}.

              radiata evaluate mine --metric vendi
              radiata evaluate mine --metric face_similarity -- python3 face.py

            With --base, --data, --adapter and --out it evaluates one file on this machine, as a job's checkpoint is.
            """)

    @Argument(help: "The sweep.")
    var sweep: String?
    @Option(
        name: .customLong("metric"),
        help: ArgumentHelp(
            "Make these metrics alone, comma separated: METRIC, METRIC@ROLE such as vendi@dinov2, METRIC@ for the base's own.",
            valueName: "metrics"))
    var wanted: [String] = []
    @Flag(help: "Only the last checkpoint of each job.")
    var onlyFinal = false
    @Argument(parsing: .postTerminator, help: "A program and its arguments that measure the metric.")
    var command: [String] = []
    @OptionGroup var options: ClientOptions

    @Option(help: "Base model: a folder, or one .safetensors file; clip/ in or beside it holds the encoders.")
    var base: String?
    @Option(help: "Folder with vocab.json and merges.txt, for a base in one file; beside the file if left out.")
    var tokenizer: String?
    @OptionGroup var encoders: EncoderOptions
    @Option(help: "Data set the adapter was trained on.")
    var data: String?
    @Option(help: "Adapter file.")
    var adapter: String?
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
    @Option(help: "Of pairs: guidance by the picture to edit; below 1: no guidance at all.")
    var imageGuidance: Double?
    @Option(help: "Share of the pictures that training held out, such as 20%; adds prompts of the type holdout.")
    var holdout: String?
    @Option(help: "The training's seed, which decides what was held out of small sets.")
    var seed = 0
    @Option(help: "Words of the prompts: plain, or lycoris for the paper's, sub-classes by themselves.")
    var promptSet: String?
    @Option(help: "How named encoders see pictures that are not square: crop, resize or pad.")
    var fit: String?
    @Option(help: "Folder for the rows and the contact sheet.")
    var out: String?
    @Flag(help: "Write every drawn image too, and beside it the picture whose caption it was drawn from.")
    var keepImages = false

    @OptionGroup var machine: MachineOptions
    @OptionGroup var output: FormatOption

    func validate() throws {
        let files = [base, data, adapter, out]
        if sweep != nil, files.contains(where: { $0 != nil }) {
            throw ValidationError("a sweep's name, or --base, --data, --adapter and --out for one file; not both")
        }
        if sweep == nil, files.contains(where: { $0 == nil }) {
            throw ValidationError("wanted a sweep's name, or all of --base, --data, --adapter and --out for one file")
        }
        if !command.isEmpty, metrics?.count != 1 {
            throw ValidationError("a program after '--' needs one --metric NAME that its values are kept under")
        }
        if sweep == nil, !command.isEmpty || onlyFinal {
            throw ValidationError("a program and --only-final are for a sweep")
        }
        guard images >= 1 else { throw ValidationError("--images \(images): wanted at least 1") }
        guard steps >= 1 else { throw ValidationError("--steps \(steps): wanted at least 1") }
        if let holdout, EvaluationSpec.share(holdout) == nil {
            throw ValidationError("--holdout \(holdout): wanted a share above 0 and at most 50%, such as 20% or 0.2")
        }
        for (key, nearest) in MetricSelection(command.isEmpty ? metrics : nil).unknown {
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

    private var metrics: [String]? {
        wanted.isEmpty ? nil : wanted.flatMap { $0.split(separator: ",").map(String.init) }
    }

    func run() async throws {
        if let sweep {
            try await evaluate(sweep)
        } else if let base, let data, let adapter, let out {
            try evaluate(adapter, base: base, data: data, out: out)
        }
    }

    private func evaluate(_ sweep: String) async throws {
        let external = command.isEmpty ? nil : metrics.map { [ExternalMetric(name: $0[0], command: command)] }
        let answer = try await options.client().call(
            .evaluate,
            EvaluateRequest(
                sweep: sweep, metrics: external == nil ? metrics : nil, external: external,
                onlyFinal: onlyFinal))
        struct Shape: Encodable {
            var version = 1
            var sweep: String
            var trained: Int
            var added: Int
        }
        guard output.format == .table else {
            let shape = Shape(sweep: sweep, trained: answer.trained, added: answer.added)
            return Console.out(String(decoding: try JSONEncoder().encode(shape), as: UTF8.self))
        }
        let jobs = answer.trained == 1 ? "1 trained job is" : "\(answer.trained) trained jobs are"
        Console.out("\(sweep): \(answer.added) evaluation jobs added; \(jobs) done, others are measured when they are")
        if answer.added == 0, answer.trained > 0 {
            Console.note("every checkpoint has been measured so already, or has nothing to be measured by that")
        } else if answer.added > 0 {
            Console.note("radiata status \(sweep) --watch shows them; then radiata top \(sweep)")
        }
    }

    private func evaluate(_ adapter: String, base: String, data: String, out: String) throws {
        let types = try prompts.split(separator: ",").map { text in
            guard let type = PromptType(rawValue: String(text)), PromptType.choices.contains(type) else {
                let known = PromptType.choices.map(\.rawValue).joined(separator: ", ")
                throw CommandFailure(.usage, "--prompts \(text): wanted any of \(known)")
            }
            return type
        }
        var spec = EvaluationSpec(
            prompts: types, images: images, sampler: sampler, steps: steps, guidance: guidance,
            holdout: holdout.flatMap(EvaluationSpec.share), metrics: metrics, fit: fit.flatMap(PictureFit.init),
            promptSet: promptSet.flatMap(PromptSet.init))
        spec.imageGuidance = imageGuidance
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
