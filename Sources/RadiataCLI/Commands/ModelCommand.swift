import ArgumentParser
import CoreTools
import Foundation

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Run or train one component on tensors from a file, to hold it against others.",
        subcommands: [Run.self, Replay.self])

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run one component on a file of tensors.",
            discussion:
                "Components: unet, flux, flux2, sd3, vae-encode, vae-decode, text-encoder, text-encoder-2, t5, clip-image, "
                + "clip-text, dinov2, vgg19 (layouts: docs/explanation/numerics.md)."
        )

        @Option(help: "A pipeline folder, one model's folder, or an original single file.")
        var model: String

        @Option(help: "Which component.")
        var component: String

        @Option(help: "Adapter file or PEFT's folder, optionally :strength. Repeatable.")
        var adapter: [AdapterReference] = []

        @Option(help: "safetensors file with the inputs.")
        var inputs: String

        @Option(help: "safetensors file for the outputs.")
        var out: String

        @OptionGroup var machine: MachineOptions

        func run() throws {
            BenchMachine.use(threads: machine.count)
            try runModel(
                model: model, component: component, adapters: adapter.map { ($0.path, $0.strength) },
                inputs: inputs, output: out, warn: { Console.note("warning: \($0)") })
        }
    }

    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Train an adapter on given batches, one optimiser step each: no random numbers, no clipping.")

        @Option(help: "Pipeline folder.")
        var model: String
        @Option(help: "Adapter file to start from.")
        var adapter: String
        @Option(help: "safetensors file with latents.i, noise.i, timesteps.i, context.i (or input_ids.i).")
        var batches: String
        @Option(help: "Optimiser: adamw.")
        var optimizer = "adamw"
        @Option(parsing: .unconditional, help: "Learning rate.")
        var lr: Double
        @Option(help: "Decay rates of the two moments, A,B.")
        var betas = "0.9,0.999"
        @Option(parsing: .unconditional, help: "Decoupled weight decay.")
        var weightDecay = 0.01
        @Option(help: "epsilon or v; the schedule decides if left out.")
        var prediction: String?
        @Option(help: "Min-SNR weighting with this gamma.")
        var minSnrGamma: Double?
        @Option(help: "What operands of a step's products are rounded to: f32 or bf16.")
        var precision: BenchPrecision = .f32
        @Option(help: "File for the trained adapter (f32).")
        var out: String?

        @OptionGroup var machine: MachineOptions
        @OptionGroup var output: FormatOption

        func run() throws {
            BenchMachine.use(threads: machine.count)
            let rates = betas.split(separator: ",").compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }
            guard rates.count == 2 else {
                throw CommandFailure(.usage, "--betas \(betas): wanted two numbers, for example 0.9,0.999")
            }
            var replay = CoreTools.Replay(
                model: model, adapter: adapter, batches: batches, learningRate: lr, weightDecay: weightDecay)
            replay.optimizer = optimizer
            replay.betas = (rates[0], rates[1])
            replay.prediction = prediction
            replay.minSNRGamma = minSnrGamma
            replay.precision = precision
            replay.out = out
            let report = try replay.run(
                warn: { Console.note("warning: \($0)") },
                onStep: { step, total, loss in
                    // It is a Float: the digits of a Double would be made up.
                    Console.note("step \(step) of \(total): loss \(Float(loss))")
                })
            if output.format == .json { Console.out(try JSONText.encode(report)) }
        }
    }
}
