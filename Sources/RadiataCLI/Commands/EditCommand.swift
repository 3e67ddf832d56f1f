import ArgumentParser
import CoreTools
import Foundation
import RunSpec

struct EditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a picture by a second prompt, without training.",
        discussion:
            "The picture is a file (--image), or is drawn from each seed and written too. fluxspace wants Flux.1; "
            + "flowedit, rf-inversion and sdedit take Stable Diffusion 3 as well. Sweeps do the same: "
            + "docs/guide/editing-pictures.md.")

    @Option(help: "Base model: a folder in diffusers' layout with a transformer.")
    var base: String
    @Option(
        help:
            "fluxspace, flowedit, rf-inversion or sdedit; left out: flowedit with --image, else fluxspace.")
    var method: EditMethod?
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
    @Option(parsing: .unconditional, help: "fluxspace, rf-inversion, sdedit: guidance.")
    var guidance = 3.5
    @Option(help: "fluxspace: length-keeping or free; a scale means nothing without it.")
    var variant = EditVariant.lengthKeeping
    @Option(parsing: .unconditional, help: "fluxspace: scale of the pooled prompt, -1 to 1.")
    var coarse = 0.0
    @Option(parsing: .unconditional, help: "fluxspace: scale of the attention's results.")
    var fine = 0.0
    @Option(parsing: .unconditional, help: "fluxspace: threshold of the mask; 0 for all of the picture.")
    var tau = 0.5
    @Option(parsing: .unconditional, help: "fluxspace: first step that changes.")
    var start = 0
    @Option(parsing: .unconditional, help: "fluxspace: last step of the fine change; to the end if left out.")
    var stop: Int?
    @Option(
        parsing: .unconditional, help: "fluxspace: words of the edit that make the mask; its first word if left out.")
    var maskWords = ""
    @Option(parsing: .unconditional, help: "rf-inversion, fluxspace with --image: how far the way to noise is steered.")
    var gamma = 0.5
    @Option(parsing: .unconditional, help: "rf-inversion, fluxspace with --image: how far the way back is steered.")
    var eta = 0.9
    @Option(parsing: .unconditional, help: "Where the way back begins to be steered, as a share of the steps.")
    var etaStart = 0.0
    @Option(parsing: .unconditional, help: "Where the way back ends to be steered, as a share of the steps.")
    var etaStop = 0.25
    @Option(parsing: .unconditional, help: "sdedit: share of the steps that draw; 0 returns the picture.")
    var strength = 0.6
    @Option(help: "Folder for the PNG files.")
    var out: String

    @OptionGroup var machine: MachineOptions

    func validate() throws {
        try Seeds.check(first: seed, images: images)
        // The same rules as in sweep files.
        let values: [(option: String, parameter: String, value: Double)] = [
            ("steps", "steps", Double(steps)), ("n-min", "n_min", Double(nMin)), ("n-avg", "n_avg", Double(nAvg)),
            ("n-max", "n_max", Double(nMax)),
            ("source-guidance", "source_guidance", sourceGuidance),
            ("target-guidance", "target_guidance", targetGuidance), ("guidance", "guidance", guidance),
            ("coarse", "coarse", coarse), ("fine", "fine", fine), ("tau", "tau", tau),
            ("start", "start", Double(start)), ("stop", "stop", Double(stop ?? start)),
            ("gamma", "gamma", gamma), ("eta", "eta", eta),
            ("eta-start", "eta_start", etaStart), ("eta-stop", "eta_stop", etaStop), ("strength", "strength", strength),
        ]
        for (option, parameter, value) in values {
            do {
                _ = try ParameterTable.check(parameter, .number(value))
            } catch {
                throw ValidationError("--\(option): \(error.message)")
            }
        }
    }

    func run() throws {
        var spec = EditSpec(method ?? (image == nil ? .fluxspace : .flowedit))
        (spec.steps, spec.guidance, spec.size) = (steps, guidance, size?.pixels)
        (spec.mostSteps, spec.leastSteps, spec.average) = (min(nMax, steps), nMin, nAvg)
        (spec.sourceGuidance, spec.targetGuidance) = (sourceGuidance, targetGuidance)
        (spec.variant, spec.coarse, spec.fine, spec.tau, spec.start) = (variant, coarse, fine, tau, start)
        (spec.gamma, spec.eta, spec.etaStart, spec.etaStop) = (gamma, eta, etaStart, etaStop)
        (spec.stop, spec.strength) = (stop, strength)
        var task = EditImage(base: base, spec: spec, prompt: prompt, edit: edit, out: out, threads: machine.count)
        task.image = image
        task.negative = negative
        task.seeds = (0..<images).map { seed + $0 }
        task.maskWords = maskWords
        for path in try task.run(report: Console.note) { Console.out(path) }
    }
}

extension EditMethod: ExpressibleByArgument {}
extension EditVariant: ExpressibleByArgument {}
