import ArgumentParser
import CoreTools
import Foundation

struct EditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a picture by a second prompt, without training.",
        discussion:
            "flowedit changes a picture from a file (Flux.1, Stable Diffusion 3); fluxspace one that is drawn from a "
            + "seed (Flux.1), and writes both.")

    @Option(help: "Base model: a folder in diffusers' layout with a transformer.")
    var base: String
    @Option(help: "flowedit or fluxspace; left out: flowedit with --image, else fluxspace.")
    var method: String?
    @Option(help: "The picture to edit.")
    var image: String?
    @Option(parsing: .unconditional, help: "What the picture shows.")
    var prompt: String
    @Option(parsing: .unconditional, help: "What it shall show; of fluxspace what is added.")
    var edit: String
    @Option(parsing: .unconditional, help: "What guidance leads away from; of fluxspace the empty prompt.")
    var negative = ""
    @Option(parsing: .unconditional, help: "Steps from noise to picture.")
    var steps = 28
    @Option(parsing: .unconditional, help: "First seed; image i uses seed + i.")
    var seed = 0
    @Option(parsing: .unconditional, help: "How many seeds.")
    var images = 1
    @Option(help: "Side in pixels, or WIDTHxHEIGHT.")
    var size: ImageSize?
    @Option(parsing: .unconditional, help: "flowedit: so many last steps edit.")
    var nMax = 24
    @Option(parsing: .unconditional, help: "flowedit: so many last steps draw as usual.")
    var nMin = 0
    @Option(parsing: .unconditional, help: "flowedit: draws of noise for each step.")
    var nAvg = 1
    @Option(parsing: .unconditional, help: "flowedit: guidance of the prompt.")
    var sourceGuidance = 1.5
    @Option(parsing: .unconditional, help: "flowedit: guidance of the edit.")
    var targetGuidance = 5.5
    @Option(parsing: .unconditional, help: "fluxspace: guidance.")
    var guidance = 3.5
    @Option(help: "fluxspace: length-keeping or free; a scale means nothing without it.")
    var variant = EditImage.Variant.lengthKeeping.rawValue
    @Option(parsing: .unconditional, help: "fluxspace: scale of the pooled prompt, -1 to 1.")
    var coarse = 0.0
    @Option(parsing: .unconditional, help: "fluxspace: scale of the attention's results.")
    var fine = 0.0
    @Option(parsing: .unconditional, help: "fluxspace: threshold of the mask; 0 for all of the picture.")
    var tau = 0.5
    @Option(parsing: .unconditional, help: "fluxspace: first step that changes.")
    var start = 0
    @Option(
        parsing: .unconditional, help: "fluxspace: words of the edit that make the mask; its first word if left out.")
    var maskWords = ""
    @Option(help: "Folder for the PNG files.")
    var out: String

    @OptionGroup var machine: MachineOptions

    func validate() throws {
        let methods = EditImage.Method.allCases.map(\.rawValue).joined(separator: " or ")
        if let method, EditImage.Method(rawValue: method) == nil {
            throw ValidationError("--method \(method): wanted \(methods)")
        }
        guard EditImage.Variant(rawValue: variant) != nil else {
            let known = EditImage.Variant.allCases.map(\.rawValue).joined(separator: " or ")
            throw ValidationError("--variant \(variant): wanted \(known)")
        }
        guard images >= 1, steps >= 1, seed >= 0 else {
            throw ValidationError("--images \(images), --steps \(steps), --seed \(seed): wanted 1, 1 and 0 or more")
        }
        guard (-1...1).contains(coarse), fine.isFinite, tau.isFinite, sourceGuidance.isFinite, targetGuidance.isFinite,
            guidance.isFinite
        else { throw ValidationError("--coarse \(coarse): wanted -1 to 1, and finite scales and guidances") }
    }

    func run() throws {
        let method = method.flatMap(EditImage.Method.init(rawValue:)) ?? (image == nil ? .fluxspace : .flowedit)
        var task = EditImage(
            base: base, method: method, prompt: prompt, edit: edit, out: out, threads: machine.count)
        task.image = image
        task.negative = negative
        task.steps = steps
        task.guidance = guidance
        task.seeds = (0..<images).map { seed + $0 }
        task.size = size?.pixels
        (task.mostSteps, task.leastSteps, task.average) = (min(nMax, steps), nMin, nAvg)
        (task.sourceGuidance, task.targetGuidance) = (sourceGuidance, targetGuidance)
        task.variant = EditImage.Variant(rawValue: variant) ?? .lengthKeeping
        (task.coarse, task.fine, task.tau, task.start) = (coarse, fine, tau, start)
        task.maskWords = maskWords
        for path in try task.run(report: Console.note) { Console.out(path) }
    }
}
