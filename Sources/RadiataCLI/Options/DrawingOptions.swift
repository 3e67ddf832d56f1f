import ArgumentParser
import RunSpec

/// What images are drawn with by commands that draw from a base and a seed.
struct DrawingOptions: ParsableArguments {
    @Option(help: "Base model: a folder in diffusers' layout, or one .safetensors file.")
    var base: String
    @Option(help: "Folder with vocab.json and merges.txt, for a base in one file; beside the file if left out.")
    var tokenizer: String?
    @Option(parsing: .unconditional, help: "What guidance leads away from.")
    var negative = ""
    @Option(help: "Sampler: ddim, euler, dpm++2m; of a rectified flow euler, heun.")
    var sampler = EvaluationSpec.standard.sampler
    @Option(parsing: .unconditional, help: "Sampler steps.")
    var steps = EvaluationSpec.standard.steps
    @Option(parsing: .unconditional, help: "Classifier-free guidance; 1 and less: none.")
    var guidance = EvaluationSpec.standard.guidance

    func validate() throws {
        guard steps >= 1 else { throw ValidationError("--steps \(steps): wanted at least 1") }
        guard EvaluationSpec.samplers.contains(sampler) else {
            throw ValidationError(
                "--sampler \(sampler): wanted one of \(EvaluationSpec.samplers.joined(separator: ", "))")
        }
        guard guidance.isFinite else { throw ValidationError("--guidance \(guidance): wanted a number") }
    }
}

/// Image i of a prompt is drawn from a first seed + i.
enum Seeds {
    private static let mostImages = 100_000

    /// - Throws: `ValidationError` for options that name no seeds.
    static func check(first: Int, images: Int) throws {
        guard (1...mostImages).contains(images) else {
            throw ValidationError("--images \(images): wanted 1 to \(mostImages)")
        }
        guard first >= 0 else { throw ValidationError("--seed \(first): wanted 0 or more") }
        guard first <= Int.max - images else {
            throw ValidationError("--seed \(first): too large for \(images) images; wanted a smaller one")
        }
    }
}
