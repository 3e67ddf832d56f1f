import ArgumentParser
import CoreAdapters
import CoreTools
import RunSpec

struct AdapterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapter", abstract: "Look into adapter files, merge, extract, resize, convert and compare them.",
        subcommands: [
            Inspect.self, Merge.self, Combine.self, Extract.self, Resize.self, Convert.self, Compose.self,
        ])

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Algorithm, rank, alpha, size and norm of every layer, and the file's metadata.")

        @Argument(help: "Adapter file, or PEFT's folder.")
        var file: String
        @Option(
            help: "Base model, for norms by the weights' and for algorithms that change a weight relative to itself.")
        var model: String?
        @Flag(help: "Count the numerical rank of every ΔW too.")
        var ranks = false
        @OptionGroup var machine: MachineOptions
        @OptionGroup var output: FormatOption

        func run() throws {
            BenchMachine.use(threads: machine.count)
            let report = try refusing { try AdapterInspection(path: file, base: model, countsRanks: ranks) }
            warn(report.warnings)
            guard output.format != .json else { return Console.out(try JSONText.encode(report)) }
            var table = TextTable(columns: ["layer", "algorithm", "rank", "alpha", "values", "norm", "share"])
            if ranks { table = TextTable(columns: table.columns + ["rank of ΔW"]) }
            table.rows = report.layers.map { layer in
                let cells: [TextTable.Cell] = [
                    .text(layer.name), .text(layer.algorithm + (layer.dora ? " + dora" : "")), .number(layer.rank),
                    .number(layer.alpha), .number(Double(layer.values)), .number(layer.norm), .number(layer.share),
                ]
                return ranks ? cells + [.number(layer.numericalRank)] : cells
            }
            if output.format == .table {
                for (key, value) in report.metadata.sorted(by: { $0.key < $1.key }) { Console.note("\(key): \(value)") }
                let kinds = report.algorithms.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
                Console.note(
                    "\(report.layers.count) layers (\(kinds.listed(none: "none"))), \(report.values) values, norm \(report.norm)"
                )
                let open = report.layers.count { $0.norm == nil }
                if open > 0 {
                    Console.note(
                        "\(open) layers change a weight relative to itself; name the base (--model) for their norms")
                }
            }
            Console.out(try table.rendered(as: output.format))
        }
    }

    struct Merge: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bake adapters into a base model.",
            discussion:
                """
                Every ΔW is taken from the base and added in double precision, so the order of adapters says nothing, but \
                for the rule orthogonal.
                """)

        @Option(help: "Base model: a folder in diffusers' layout, one component's folder, or a single file.")
        var model: String
        @Option(help: "Adapter file or PEFT's folder, optionally :strength. Repeatable.")
        var adapter: [AdapterReference]
        @Option(help: "Where the merged model goes; must not exist.")
        var out: String
        @Option(help: "f32, f16 or bf16 for all weights of the files that change; each keeps its own type if left out.")
        var type: WeightType?
        @OptionGroup var combination: CombinationOptions
        @OptionGroup var machine: MachineOptions

        func run() throws {
            BenchMachine.use(threads: machine.count)
            let merge = AdapterMerge(
                base: model, adapters: adapter.map { ($0.path, $0.strength) }, out: out, type: type,
                rule: combination.combined)
            let report = try refusing { try merge.run() }
            warn(report.warnings)
            Console.note("\(report.layers) layers changed; \(report.out)")
        }
    }

    struct Combine: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make one adapter of several: whole differences of every layer that they change.",
            discussion: "The file is large, in f32; radiata adapter convert --to lora makes a LoRA of it.")

        @Option(help: "Base model: a folder in diffusers' layout, one component's folder, or a single file.")
        var model: String
        @Option(help: "Adapter file or PEFT's folder, optionally :strength. Repeatable.")
        var adapter: [AdapterReference]
        @Option(help: "Adapter file to write.")
        var out: String
        @OptionGroup var combination: CombinationOptions
        @OptionGroup var machine: MachineOptions

        func run() throws {
            BenchMachine.use(threads: machine.count)
            let whole = AdapterCombination(
                base: model, adapters: adapter.map { ($0.path, $0.strength) }, rule: combination.combined)
            warn(try refusing { try whole.write(to: out) })
        }
    }

    struct Extract: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an adapter of the difference between two models.",
            discussion:
                "Give one of --dim, --ratio, --quantile, --threshold, --energy. LoKr is the Kronecker product nearest to the difference."
        )

        @Option(help: "The model that was fine-tuned.")
        var base: String
        @Option(help: "The fine-tuned model.")
        var tuned: String
        @Option(help: "Adapter file to write.")
        var out: String
        @Option(help: "lora, lokr or full.")
        var algorithm: ExtractedAlgorithm = .lora
        @OptionGroup var rank: RankOptions
        @Option(parsing: .unconditional, help: "LoKr: bound of the smaller factor; -1 splits evenly.")
        var factor = AlgorithmOptions().factor
        @Option(help: "f32, f16 or bf16.")
        var type: WeightType = .f16
        @OptionGroup var machine: MachineOptions
        @OptionGroup var output: FormatOption

        func run() throws {
            BenchMachine.use(threads: machine.count)
            var extraction = AdapterExtraction(base: base, tuned: tuned, out: out)
            extraction.algorithm = algorithm.value
            if let rule = try rank.rule() { extraction.rule = rule }
            extraction.convRule = rank.convRule
            extraction.factor = factor
            extraction.type = type
            let report = try refusing { try extraction.run() }
            for name in report.left { Console.note("warning: \(name) changed; adapters cannot hold embeddings") }
            Console.note("\(report.layers.count) layers changed, \(report.unchanged) did not")
            guard output.format != .json else { return Console.out(try JSONText.encode(report)) }
            var table = TextTable(columns: ["layer", "rank", "norm", "error"])
            table.rows = report.layers.map { [.text($0.name), .number($0.rank), .number($0.norm), .number($0.error)] }
            Console.out(try table.rendered(as: output.format))
        }
    }

    struct Resize: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the rank of a LoRA, LoHa or LoKr file.",
            discussion: "Give one of --dim, --ratio, --quantile, --threshold, --energy. alpha / rank stays what it was."
        )

        @Argument(help: "Adapter file, or PEFT's folder.")
        var file: String
        @Option(help: "Adapter file to write.")
        var out: String
        @OptionGroup var rank: RankOptions
        @Option(help: "f32, f16 or bf16.")
        var type: WeightType = .f16
        @OptionGroup var machine: MachineOptions
        @OptionGroup var output: FormatOption

        func run() throws {
            BenchMachine.use(threads: machine.count)
            guard let rule = try rank.rule() else {
                throw CommandFailure(.usage, "give --dim, or --ratio, --quantile, --threshold or --energy")
            }
            let resize = AdapterResize(path: file, out: out, rule: rule, convRule: rank.convRule, type: type)
            let report = try refusing { try resize.run() }
            warn(report.warnings)
            guard output.format != .json else { return Console.out(try JSONText.encode(report)) }
            var table = TextTable(columns: ["layer", "rank", "new rank", "error", "kept"])
            table.rows = report.layers.map {
                [.text($0.name), .number($0.from), .number($0.to), .number($0.error), .number($0.kept)]
            }
            Console.out(try table.rendered(as: output.format))
        }
    }

    struct Convert: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rewrite an adapter for other programs.",
            discussion:
                """
                --to kohya: kohya's and LyCORIS' keys, every algorithm. diffusers: one file with diffusers' keys. peft: a \
                folder with adapter_config.json for each component. lora: kohya's keys, everything decomposed into LoRA. \
                For diffusers, peft and lora, layers that are no LoRA need --dim.
                """)

        @Argument(help: "Adapter file in any spelling, or PEFT's folder.")
        var file: String
        @Option(help: "kohya, diffusers, peft or lora.")
        var to: AdapterConversion.Format
        @Option(help: "File to write; for peft a folder.")
        var out: String
        @Option(help: "Base model, for layers whose file does not show what they need.")
        var model: String?
        @OptionGroup var rank: RankOptions
        @Option(help: "f32, f16 or bf16.")
        var type: WeightType = .f16
        @OptionGroup var machine: MachineOptions
        @OptionGroup var output: FormatOption

        func run() throws {
            BenchMachine.use(threads: machine.count)
            var conversion = AdapterConversion(path: file, out: out, format: to)
            conversion.rule = try rank.rule()
            conversion.convRule = rank.convRule
            conversion.base = model
            conversion.type = type
            let report = try refusing { try conversion.run() }
            warn(report.warnings)
            if !report.left.isEmpty {
                Console.note(
                    "warning: \(report.left.count) norms, biases or embeddings left out, LoRA cannot hold them: \(report.left[0])"
                        + (report.left.count > 1 ? ", …" : ""))
            }
            if let worst = report.decomposed.max(by: { $0.value < $1.value }) {
                Console.note("\(report.decomposed.count) layers decomposed, worst error \(worst.value) at \(worst.key)")
            }
            if output.format == .json { Console.out(try JSONText.encode(report)) }
        }
    }

    struct Compose: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How far adapters interfere when used together.",
            discussion:
                """
                For each layer the norms of their changes, the norm of the sum, and the cosine of each pair: 1 adds up, 0 does \
                not interfere, -1 cancels. growth is the sum's norm by that of unrelated changes.
                """)

        @Option(help: "Adapter file or PEFT's folder, optionally :strength. Give two or more.")
        var adapter: [AdapterReference]
        @Option(help: "Base model, for algorithms that change a weight relative to itself.")
        var model: String?
        @OptionGroup var machine: MachineOptions
        @OptionGroup var output: FormatOption

        func run() throws {
            BenchMachine.use(threads: machine.count)
            let pairs = adapter.map { ($0.path, $0.strength) }
            let report = try refusing { try AdapterComparison(adapters: pairs, base: model) }
            warn(report.warnings)
            guard output.format != .json else { return Console.out(try JSONText.encode(report)) }
            let couples = report.pairs.map { "cos \($0.first + 1)-\($0.second + 1)" }
            let norms = report.adapters.indices.map { "norm \($0 + 1)" }
            var table = TextTable(columns: ["layer"] + norms + ["together", "growth"] + couples)
            table.rows = report.layers.map { layer in
                [.text(layer.name)] + layer.norms.map { .number($0) } + [
                    .number(layer.together), .number(layer.growth),
                ]
                    + layer.cosines.map { .number($0) }
            }
            table.rows.append(
                [.text("all")] + report.norms.map { .number($0) } + [.number(report.together), .number(report.growth)]
                    + report.pairs.map { .number($0.cosine) })
            if output.format == .table {
                for (index, path) in report.adapters.enumerated() {
                    Console.note("\(index + 1): \(path), strength \(report.strengths[index])")
                }
            }
            Console.out(try table.rendered(as: output.format))
        }
    }
}

private func warn(_ warnings: [String]) {
    for warning in warnings { Console.note("warning: \(warning)") }
}

/// Whatever a tool refuses is a fault of its input files or options: nothing was written.
private func refusing<T>(_ body: () throws -> T) throws -> T {
    do {
        return try body()
    } catch {
        throw CommandFailure(.usage, "\(error)")
    }
}

extension TextTable.Cell {
    fileprivate static func number(_ value: Double?) -> TextTable.Cell { value.map { .number($0) } ?? .none }
    fileprivate static func number(_ value: Int?) -> TextTable.Cell { value.map { .number(Double($0)) } ?? .none }
}
