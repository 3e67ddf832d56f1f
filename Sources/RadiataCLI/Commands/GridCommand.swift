import ArgumentParser
import Foundation
import Ports
import RunSpec
import SweepAnalysis

struct GridCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grid",
        abstract: "Images side by side along one to three axes: of a sweep, or of adapter files.",
        discussion: """
            An axis is AXIS, or AXIS=VALUES with values such as a,b,c, 0.4..1.2 or 0.4..1.2/0.2. Axes are strength, prompt, \
            seed (of the noise), adapter and blocks (all, in, mid, out, te, down0, up1, ...); of a sweep also epoch, step, \
            training_seed and every parameter, where all values that occur are taken if none is named. With a prompt the \
            images are drawn from the sweep's checkpoints; without one its sample images or contact sheets are laid out. \
            What is drawn is kept: after Ctrl-C the same command goes on.

            Examples:
              radiata grid mine --x lr --y algorithm -o mine.png
              radiata grid mine --x epoch --y lr --prompt "a veko cat" -o mine.html
              radiata grid --base DIR --adapter a.safetensors --x strength=0.4..1.2 \\
                --y prompt --prompt "a cat" --prompt "a dog" -o a.png
            """)

    @Argument(help: "The sweep; none with --adapter.")
    var sweep: String?
    @Option(help: "Axis of the columns.")
    var x: String
    @Option(help: "Axis of the rows.")
    var y: String?
    @Option(help: "Axis with one panel a value in a picture, and a slider in a page.")
    var z: String?
    @Option(help: "Base model: a folder or one .safetensors file; of a sweep, where it lay when it was launched.")
    var base: String?
    @Option(help: "Folder with vocab.json and merges.txt, for a base in one file; beside the file if left out.")
    var tokenizer: String?
    @Option(
        help:
            "Adapter file or PEFT's folder, optionally :strength. Repeatable: without an axis adapter they act together."
    )
    var adapter: [AdapterReference] = []
    @Option(parsing: .unconditionalSingleValue, help: "What to draw. Repeatable for an axis prompt.")
    var prompt: [String] = []
    @Option(parsing: .unconditional, help: "What guidance leads away from.")
    var negative = ""
    @Option(parsing: .unconditional, help: "Seed of the noise, where it is no axis.")
    var seed = 0
    @Option(name: .customLong("where"), help: "NAME=VALUES: only jobs of the sweep with these. Repeatable.")
    var filters: [String] = []
    @Option(help: "Sampler: ddim, euler or dpm++2m; that of the sweep's evaluation, or ddim.")
    var sampler: String?
    @Option(parsing: .unconditional, help: "Sampler steps; those of the sweep's evaluation, or 25.")
    var steps: Int?
    @Option(parsing: .unconditional, help: "Classifier-free guidance; that of the sweep's evaluation, or 7.")
    var guidance: Double?
    @Option(help: "Side in pixels, or WIDTHxHEIGHT; what the adapter or the base was trained on if left out.")
    var size: ImageSize?
    @Option(parsing: .unconditional, help: "1: the text encoder's last layer. As the sweep trained, or 1.")
    var clipSkip: Int?
    @Option(parsing: .unconditional, help: "Longest side of a cell in pixels; 256, or 768 for contact sheets.")
    var side: Int?
    @Option(parsing: .unconditional, help: "Most images to draw.")
    var limit = 1000
    @Option(help: "Folder for drawn images (default: grid in the user's cache).")
    var cache: String?
    @Option(name: .shortAndLong, help: "The file to write: .png, or .html for a page that needs nothing else.")
    var output: String

    @OptionGroup var machine: MachineOptions
    @OptionGroup var client: ClientOptions

    func validate() throws {
        guard ["png", "html", "htm"].contains(URL(filePath: output).pathExtension.lowercased()) else {
            throw ValidationError("-o \(output): wanted a name that ends in .png or .html")
        }
        if sweep == nil, adapter.isEmpty {
            throw ValidationError("name a sweep, or adapter files with --base DIR --adapter FILE")
        }
        if sweep != nil, !adapter.isEmpty {
            throw ValidationError("a sweep has its own adapters; leave out the sweep's name or --adapter")
        }
        if sweep == nil, base == nil { throw ValidationError("--adapter needs the base it was trained on: --base DIR") }
        if z != nil, y == nil { throw ValidationError("--z without --y: name the second axis --y") }
        if sweep == nil, !filters.isEmpty {
            throw ValidationError("--where chooses among a sweep's jobs; name a sweep")
        }
        if let sampler, !EvaluationSpec.samplers.contains(sampler) {
            throw ValidationError(
                "--sampler \(sampler): wanted one of \(EvaluationSpec.samplers.joined(separator: ", "))")
        }
        let bounds: [(String, Int?, Int)] = [
            ("steps", steps, 1), ("clip-skip", clipSkip, 1), ("seed", seed, 0), ("side", side, 16), ("limit", limit, 1),
        ]
        for (name, value, least) in bounds {
            if let value, value < least { throw ValidationError("--\(name) \(value): wanted at least \(least)") }
        }
        if let guidance, !guidance.isFinite { throw ValidationError("--guidance \(guidance): wanted a number") }
    }

    func run() async throws {
        do {
            if let sweep {
                try await SweepGrid(command: self, sweep: sweep, client: try client.client()).run()
            } else {
                try FileGrid(command: self).run()
            }
        } catch let error as RunSpecError {
            throw CommandFailure(.usage, error.message)
        }
    }

    /// The axes in the order x, y, z.
    func axes(parameters: [String]?) throws(RunSpecError) -> [ImageGridAxis] {
        var axes: [ImageGridAxis] = []
        for text in [x, y, z].compactMap({ $0 }) {
            let axis = try ImageGridAxis(text, parameters: parameters)
            if axes.contains(where: { $0.kind == axis.kind }) {
                throw RunSpecError(code: .badParameter, message: "\(axis.kind.name) is two axes; take another for one")
            }
            axes.append(axis)
        }
        return axes
    }

    /// The values of an axis that does not depend on any job.
    ///
    /// - Throws: `CommandFailure` for prompts that are not there, `RunSpecError` for values that cannot be
    ///   read.
    func freeValues(of axis: ImageGridAxis) throws -> [String] {
        if axis.kind == .prompt { return try prompts(of: axis) }
        let usual: [ImageGridPick] =
            switch axis.kind {
            case .strength: [.range(low: 0, high: 1, step: nil)]
            case .seed: [.range(low: Double(seed), high: Double(seed + 3), step: 1)]
            default: ["all", "in", "mid", "out", "te"].map { .value($0) }
            }
        return try ImageGridPick.values(axis.picks ?? usual, of: axis.kind)
    }

    private func prompts(of axis: ImageGridAxis) throws -> [String] {
        let named: [String]?
        if let file = axis.file {
            let text: String
            do {
                text = try String(contentsOfFile: Paths.expanded(file), encoding: .utf8)
            } catch {
                throw CommandFailure(
                    .usage, "prompt=@\(file): not a text file that can be read: \(error.localizedDescription)")
            }
            named = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { !$0.isEmpty }
        } else {
            named = try axis.picks.map { try ImageGridPick.values($0, of: .prompt) }
        }
        guard named == nil || prompt.isEmpty else {
            throw CommandFailure(.usage, "prompts stand in the axis and in --prompt; leave one of them out")
        }
        let prompts = named ?? prompt
        guard !prompts.isEmpty else {
            throw CommandFailure(.usage, "the axis prompt has no values: give --prompt once for each, or prompt=@FILE")
        }
        return prompts
    }

    /// The prompt of all images, where it is no axis.
    func onlyPrompt(_ axes: [ImageGridAxis]) throws -> String? {
        if axes.contains(where: { $0.kind == .prompt }) { return nil }
        guard prompt.count == 1 else {
            throw CommandFailure(
                .usage,
                prompt.isEmpty
                    ? "what is to be drawn? Give --prompt, or an axis prompt"
                    : "\(prompt.count) prompts: make them an axis, --y prompt"
            )
        }
        return prompt[0]
    }

    var cacheFolder: String { cache.map(Paths.expanded) ?? Paths.folders.cache + "/grid" }
}
