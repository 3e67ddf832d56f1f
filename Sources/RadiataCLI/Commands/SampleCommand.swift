import ArgumentParser
import CoreTools

struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample", abstract: "Draw images of a prompt, with any number of adapters.")

    @Option(help: "Base model folder.")
    var base: String
    @Option(help: "Adapter file, optionally :strength. Repeatable.")
    var adapter: [AdapterReference] = []
    @Option(help: "What to draw.")
    var prompt: String
    @Option(help: "First seed; image i uses seed + i.")
    var seed = 0
    @Option(help: "How many images.")
    var images = 1
    @Option(help: "Sampler steps.")
    var steps = 25
    @Option(help: "Classifier-free guidance.")
    var guidance = 7.0
    @Option(help: "Side in pixels; what the base was trained on if left out.")
    var size: Int?
    @Option(help: "safetensors file whose 'latents' replace the seeds' noise.")
    var latents: String?
    @Option(help: "Folder for the PNG files.")
    var out: String

    @OptionGroup var machine: MachineOptions

    func validate() throws {
        guard images >= 1 else { throw ValidationError("--images \(images): wanted at least 1") }
        guard steps >= 1 else { throw ValidationError("--steps \(steps): wanted at least 1") }
    }

    func run() throws {
        var sample = SampleImages(base: base, prompt: prompt, out: out, threads: machine.count)
        sample.adapters = adapter.map { ($0.path, $0.strength) }
        sample.seeds = (0..<images).map { seed + $0 }
        sample.steps = steps
        sample.guidance = guidance
        sample.side = size
        sample.latents = latents
        for path in try sample.run(report: Console.note) { Console.out(path) }
    }
}
