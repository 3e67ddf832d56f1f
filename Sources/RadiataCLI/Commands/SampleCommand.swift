import ArgumentParser
import CoreTools
import Ports
import RunSpec

struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Draw images of prompts, with any number of adapters, from noise or from a picture.")

    @OptionGroup var drawing: DrawingOptions
    @Option(
        help: """
            Adapter file or PEFT's folder, optionally :strength, and @START-END for a part of the steps (0 to 1): \
            a.safetensors:0.8@0-0.5; :FIRST..LAST changes evenly over it. Repeatable, also with one file.
            """)
    var adapter: [ScheduledReference] = []
    @Option(parsing: .unconditionalSingleValue, help: "What to draw. Repeatable: an image of each for each seed.")
    var prompt: [String]
    @Option(parsing: .unconditional, help: "First seed; image i uses seed + i.")
    var seed = 0
    @Option(parsing: .unconditional, help: "How many images of each prompt.")
    var images = 1
    @Option(parsing: .unconditional, help: "Images drawn together; what is fastest if left out. They stay the same.")
    var batch: Int?
    @Option(help: "Side in pixels, or WIDTHxHEIGHT; the picture's, or what the base was trained on if left out.")
    var size: ImageSize?
    @Option(parsing: .unconditional, help: "1: the text encoder's last layer.")
    var clipSkip = 1
    @Option(help: "Tokens of the prompt: 75, 150 or 225; longer prompts are encoded in chunks of 75.")
    var maxTokenLength = 75
    @Option(help: "safetensors file whose 'latents' replace the seeds' noise.")
    var latents: String?
    @Option(help: "Picture to edit by the prompt, with an adapter that was trained on pairs.")
    var source: String?
    @Option(parsing: .unconditional, help: "Guidance by the picture to edit; below 1: no guidance at all.")
    var imageGuidance = EvaluationSpec.usualImageGuidance
    @Option(help: "A picture to start from in place of noise alone; brought to --size.")
    var image: String?
    @Option(
        parsing: .unconditional,
        help: "How much of the picture is given up, 0 to 1: the share of the steps taken. 0.8, with a mask 1.")
    var strength: Double?
    @Option(help: "A picture of the same size, white where --image is drawn anew; the rest stays.")
    var mask: String?
    @Flag(help: "Copy the pixels outside the mask from --image; without, they went through the autoencoder.")
    var keepUnmasked = false
    @Option(help: "What operands of the network's products are rounded to: f32, or bf16 for speed.")
    var precision: BenchPrecision = .f32
    @Option(help: "Folder for the PNG files.")
    var out: String

    @OptionGroup var machine: MachineOptions

    func validate() throws {
        try Seeds.check(first: seed, images: images)
        guard [75, 150, 225].contains(maxTokenLength) else {
            throw ValidationError("--max-token-length \(maxTokenLength): wanted 75, 150 or 225")
        }
        guard clipSkip >= 1 else { throw ValidationError("--clip-skip \(clipSkip): wanted at least 1") }
        guard batch ?? 1 >= 1 else { throw ValidationError("--batch \(batch ?? 0): wanted at least 1") }
        guard image != nil || (strength == nil && mask == nil) else {
            throw ValidationError("--strength and --mask are of a picture: name it with --image")
        }
        guard mask != nil || !keepUnmasked else {
            throw ValidationError("--keep-unmasked: wanted --mask, which says what to keep")
        }
        if let strength, !(0...1).contains(strength) {
            throw ValidationError("--strength \(strength): wanted 0 to 1")
        }
        guard imageGuidance.isFinite else {
            throw ValidationError("--image-guidance \(imageGuidance): wanted a number")
        }
    }

    func run() throws {
        var sample = SampleImages(base: drawing.base, prompt: "", out: out, threads: machine.count)
        sample.prompts = prompt
        sample.adapters = adapter.map(\.adapter)
        sample.seeds = (0..<images).map { seed + $0 }
        sample.steps = drawing.steps
        sample.guidance = drawing.guidance
        sample.size = size?.pixels
        sample.tokenizer = drawing.tokenizer
        sample.negative = drawing.negative
        sample.sampler = drawing.sampler
        sample.clipSkip = clipSkip
        sample.maxTokens = maxTokenLength
        sample.latents = latents
        sample.source = source
        sample.imageGuidance = imageGuidance
        sample.image = image
        sample.strength = strength
        sample.mask = mask
        sample.keepsUnmasked = keepUnmasked
        sample.batch = batch
        sample.precision = precision
        sample.digest = { path, start in try ContentDigest.of(file: path, from: Int64(start)).digest.text }
        for path in try sample.run(report: Console.note) { Console.out(path) }
    }
}
