import ArgumentParser
import CoreTools

extension BenchCommand {
    struct Sample: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Latents drawn by a network with random weights, without autoencoder and text encoder.")

        @Option(help: "tiny (the peers' timing) or sd15.")
        var model: BenchModel = .tiny

        @Option(help: "Side of the square latent.")
        var latent: Int?

        @Option(help: "Images drawn together.")
        var batch = 1

        @Option(help: "Steps of DDIM.")
        var steps = 20

        @Option(help: "Classifier-free guidance; 1 draws without its second half.")
        var guidance = 7.5

        @Flag(help: "Weights stored as half floats.")
        var half = false

        @Option(help: "What operands of linear and convolution layers are rounded to: f32 or bf16.")
        var precision: BenchPrecision = .f32

        @OptionGroup var machine: MachineOptions
        @OptionGroup var output: FormatOption

        func validate() throws {
            for (name, value) in [("latent", latent ?? 1), ("batch", batch), ("steps", steps)] {
                guard (1...1000).contains(value) else {
                    throw ValidationError("--\(name) \(value): wanted 1 to 1000")
                }
            }
            guard model != .tinyFlow else { throw ValidationError("--model tiny-flow: wanted tiny or sd15") }
        }

        func run() throws {
            MachineOptions.warnAboutForcedKernel()
            BenchMachine.use(threads: machine.count)
            var bench = BenchSample(model: model)
            bench.latent = latent
            bench.batch = batch
            bench.steps = steps
            bench.guidance = guidance
            bench.halves = half
            bench.precision = precision
            let report = bench.run()
            guard output.format == .table else { return Console.out(try JSONText.encode(report)) }
            Console.out(
                """
                \(report.model), batch \(report.batch), latent \(report.latent), \(report.steps) steps, guidance \
                \(report.guidance): \(TextTable.Cell.formatted(report.seconds)) s, \
                \(TextTable.Cell.formatted(report.seconds * 1000 / Double(report.steps))) ms a step
                \(Int(report.residentMB)) MB resident · \(report.precision), kernel \(report.kernel) · \
                \(report.threads) threads
                """)
        }
    }
}
