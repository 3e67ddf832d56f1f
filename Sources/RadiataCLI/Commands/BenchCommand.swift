import ArgumentParser
import CoreTools
import RunSpec

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure this machine.",
        subcommands: [
            MatrixProduct.self, Step.self, Sample.self, Jobs.self, Processes.self, Metrics.self, Ledger.self, Idle.self,
        ])

    struct MatrixProduct: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gemm", abstract: "The machine's matrix product rate.")

        @Option(help: "Rows, columns and inner size.")
        var size = 2048

        @Option(help: "What operands are rounded to: f32 or bf16.")
        var precision: BenchPrecision = .f32

        @OptionGroup var machine: MachineOptions
        @OptionGroup var output: FormatOption

        func validate() throws {
            guard (1...32_768).contains(size) else { throw ValidationError("--size \(size): wanted 1 to 32768") }
        }

        func run() throws {
            MachineOptions.warnAboutForcedKernel()
            BenchMachine.use(threads: machine.count)
            var bench = BenchGEMM()
            bench.size = size
            bench.precision = precision
            let report = bench.run()
            guard output.format == .table else { return Console.out(try JSONText.encode(report)) }
            Console.out(
                "\(TextTable.Cell.formatted(report.gflops)) GFLOP/s · \(size)³ \(report.precision) · OpenBLAS \(report.openblas), kernel "
                    + "\(report.kernel) · \(report.threads) threads")
        }
    }

    struct Step: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One adapter training step of a network with random weights.")

        @Option(help: "tiny (the peers' timing), tiny-flow (the transformer of emoji-flow-64) or sd15.")
        var model: BenchModel = .tiny

        @Option(help: "Algorithm: lora, loha, lokr, full, …")
        var algorithm: Algorithm = .lora

        @Option(help: "Rank of the adapter; alpha is half of it.")
        var dim = 8

        @Option(help: "Side of the square latent.")
        var latent: Int?

        @Option(help: "Samples a step.")
        var batch: Int?

        @Option(help: "Steps to time after one that warms up.")
        var steps = 8

        @Flag(help: "Activation checkpointing.")
        var checkpointing = false

        @Flag(help: "Frozen weights stored as half floats.")
        var half = false

        @Option(help: "What operands of linear and convolution layers are rounded to: f32 or bf16.")
        var precision: BenchPrecision = .f32

        @Flag(help: "Also time the kinds of operations of a step.")
        var profile = false

        @OptionGroup var machine: MachineOptions
        @OptionGroup var output: FormatOption

        func validate() throws {
            for (name, value) in [("dim", dim), ("latent", latent ?? 1), ("batch", batch ?? 1), ("steps", steps)] {
                guard (1...100_000).contains(value) else {
                    throw ValidationError("--\(name) \(value): wanted 1 to 100000")
                }
            }
            guard model != .tinyFlow || (latent ?? 2).isMultiple(of: 2) else {
                throw ValidationError("--latent \(latent ?? 0): wanted an even side, which tiny-flow reads two by two")
            }
        }

        func run() throws {
            MachineOptions.warnAboutForcedKernel()
            BenchMachine.use(threads: machine.count)
            var bench = BenchStep()
            bench.model = model
            bench.algorithm = algorithm
            bench.dim = dim
            bench.latent = latent
            bench.batch = batch
            bench.steps = steps
            bench.profiles = profile
            bench.checkpoints = checkpointing
            bench.halves = half
            bench.precision = precision
            let report = try bench.run()
            guard output.format == .table else { return Console.out(try JSONText.encode(report)) }
            func number(_ value: Double, _ unit: String) -> String { TextTable.Cell.formatted(value) + " " + unit }
            Console.out(
                """
                \(report.model) \(report.algorithm), batch \(report.batch), latent \(report.latent): \
                \(number(report.seconds * 1000, "ms a step (median)")), \(number(report.forwardSeconds * 1000, "ms forward"))
                \(number(report.gflops, "GFLOP/s")) of \(number(report.peakGflops, "GFLOP/s")) sgemm = \
                \(Int((report.peakShare * 100).rounded())) % of peak · \(Int(report.residentMB)) MB resident · \
                \(report.precision), kernel \(report.kernel) · \(report.threads) threads
                """)
            guard let shares = report.profile else { return }
            var table = TextTable(columns: ["operations", "ms a step", "%", "calls", "GFLOP/s"])
            let total = shares.reduce(0) { $0 + $1.seconds }
            table.rows = shares.map { share in
                [
                    .text(share.kind), .number((share.seconds * 1e4).rounded() / 10),
                    .number((share.seconds / total * 1000).rounded() / 10), .number(share.calls.rounded()),
                    share.gflops > 0 ? .number(share.gflops.rounded()) : .none,
                ]
            }
            Console.out(try table.rendered(as: .table))
        }
    }
}

extension BenchModel: ExpressibleByArgument {}
extension BenchPrecision: ExpressibleByArgument {}
extension Algorithm: ExpressibleByArgument {}
