import ArgumentParser
import CoreAdapters
import CoreTools
import Foundation
import Ports
import RunSpec

struct InterferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interference",
        abstract:
            "What is left of two adapters' effects when both act: a grid of strengths, rules, cosines of weights.",
        discussion: """
            For each pair of strengths the images of both adapters together are held against those of each alone: kept is the \
            share of an adapter's effect on its own prompt that is there with both, drop is 1 - kept. Rules other than sum \
            make one adapter of both: ties, dare, dare-ties (of the density's share of numbers), orthogonal (the second \
            without what points along the first). Writes interference.json and grid.png; what is drawn is kept, so that the \
            same command goes on after Ctrl-C.

            Example:
              radiata interference cat.safetensors ink.safetensors --base DIR --prompt "a veko cat" --prompt "ink drawing" \\
                --strengths 0,0.5,1 --rules sum,ties,orthogonal --out both
            """)

    @Argument(help: "The first adapter: a file or PEFT's folder, optionally :strength for what 1 stands for.")
    var first: AdapterReference
    @Argument(help: "The second one.")
    var second: AdapterReference
    @OptionGroup var drawing: DrawingOptions
    @Option(
        parsing: .unconditionalSingleValue,
        help: "What the adapters' effects are looked at with: one prompt for both, or the first's and the second's.")
    var prompt: [String]
    @Option(parsing: .unconditional, help: "First seed; image i of a prompt uses seed + i.")
    var seed = 0
    @Option(parsing: .unconditional, help: "How many images of each prompt.")
    var images = 4
    @Option(parsing: .unconditional, help: "Factors of both strengths, with commas; 0 is added where it is missing.")
    var strengths = "0,0.5,1"
    @Option(help: "sum, ties, dare, dare-ties, orthogonal; several with commas.")
    var rules = "sum"
    @Option(parsing: .unconditional, help: "Share of each change's numbers that ties and dare keep.")
    var density = CombinationRule().density
    @Option(help: "Side in pixels, or WIDTHxHEIGHT; what the base was trained on if left out.")
    var size: ImageSize?
    @Option(help: "Folder for drawn images (default: grid in the user's cache).")
    var cache: String?
    @Option(help: "Folder for interference.json, grid.png and the adapters that a rule made.")
    var out: String

    @OptionGroup var machine: MachineOptions
    @OptionGroup var output: FormatOption

    func validate() throws {
        try Seeds.check(first: seed, images: images)
        guard density > 0, density <= 1 else {
            throw ValidationError("--density \(density): wanted more than 0 and at most 1")
        }
        guard (1...2).contains(prompt.count) else {
            throw ValidationError("--prompt: \(prompt.count) of them, wanted one for both adapters, or one for each")
        }
        guard factors != nil else { throw ValidationError("--strengths \(strengths): wanted numbers, as in 0,0.5,1") }
        guard combinations != nil else {
            let known = CombinationRule.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--rules \(rules): wanted some of \(known)")
        }
    }

    private var factors: [Double]? {
        let numbers = strengths.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
        let found = numbers.compactMap(\.self)
        guard found.count == numbers.count, found.allSatisfy(\.isFinite), Set(found).count == found.count else {
            return nil
        }
        let whole = found.contains(0) ? found : [0] + found
        return whole.count > 1 ? whole : nil
    }

    private var combinations: [CombinationRule]? {
        let kinds = rules.split(separator: ",", omittingEmptySubsequences: false).map {
            CombinationRule.Kind(rawValue: String($0))
        }
        let found = kinds.compactMap(\.self)
        guard found.count == kinds.count, Set(found).count == found.count else { return nil }
        return found.map { CombinationRule($0, density: density, seed: UInt64(seed)) }
    }

    func run() throws {
        var settings = GridDrawing.Settings(
            base: Paths.expanded(drawing.base), cache: cache.map(Paths.expanded) ?? Paths.folders.cache + "/grid",
            threads: machine.count)
        settings.tokenizer = drawing.tokenizer.map(Paths.expanded)
        (settings.sampler, settings.steps, settings.guidance) = (drawing.sampler, drawing.steps, drawing.guidance)
        try UsableFolder.prepare(settings.cache, option: "--cache", what: "drawn images")
        var run = InterferenceRun(
            settings: settings,
            adapters: [first, second].map { (Paths.expanded($0.path), $0.strength) },
            prompts: prompt.count == 1 ? prompt + prompt : prompt, out: Paths.expanded(out))
        run.negative = drawing.negative
        run.seeds = (0..<images).map { UInt64(seed + $0) }
        run.strengths = factors ?? run.strengths
        run.rules = combinations ?? run.rules
        run.setup.size = size?.pixels
        let report = try run.run(report: Console.note) { done, all in
            if done == all || done % 16 == 0 { Console.note("\(done) of \(all) images") }
        }
        for warning in report.warnings { Console.note("warning: \(warning)") }
        try OutputFile.write(Data((JSONText.encode(report) + "\n").utf8), to: run.out + "/interference.json")
        guard output.format != .json else { return Console.out(try JSONText.encode(report)) }
        if output.format == .table {
            summarise(report)
            Console.out(try Self.layers(report.weights).rendered(as: .table))
        }
        Console.out(try Self.table(report).rendered(as: output.format))
    }

    private func summarise(_ report: InterferenceRun.Report) {
        guard let pair = report.weights.pairs.first else { return }
        Console.note(
            "weights: cosine \(TextTable.Cell.formatted(pair.cosine)) over \(pair.shared) layers that both change"
                + (pair.largestLayer.map { ", largest \(TextTable.Cell.formatted(pair.largest)) at \($0)" } ?? ""))
        Console.note(report.picture)
    }

    /// How the weights agree, by layer.
    private static func layers(_ weights: AdapterComparison) -> TextTable {
        var table = TextTable(columns: ["layer", "norm 1", "norm 2", "growth", "cosine"])
        table.rows = weights.layers.map { layer in
            var row = [TextTable.Cell.text(layer.name)]
            row += (layer.norms + [layer.growth]).map(TextTable.Cell.number)
            return row + layer.cosines.map(Self.cell)
        }
        return table
    }

    private static func table(_ report: InterferenceRun.Report) -> TextTable {
        var table = TextTable(columns: [
            "rule", "strength 1", "strength 2", "kept 1", "kept 2", "drop 1", "drop 2", "cosine 1", "cosine 2",
        ])
        table.rows = report.cells.map { cell in
            var row = [TextTable.Cell.text(cell.rule)]
            row += cell.strengths.map(TextTable.Cell.number)
            return row + (cell.kept + cell.drop + cell.cosine).map(Self.cell)
        }
        return table
    }

    private static func cell(_ value: Double?) -> TextTable.Cell { value.map { .number($0) } ?? .none }
}
