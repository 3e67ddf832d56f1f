import ArgumentParser
import CoreData
import CorePretraining
import Foundation
import Ports

struct PretrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain", abstract: "Make the embedded base model from the installed emoji font.",
        discussion: "Can be stopped and started at will: every stage goes on from its state in --work.")

    @Option(help: "Folder for the base model (diffusers layout).")
    var out: String
    @Option(help: "Folder for states and sample sheets.")
    var work: String
    @Option(help: "Stages, comma separated: vae, clip, unet, check; flow in place of unet makes a rectified flow.")
    var stages = Pretrain.Stage.usual.map(\.rawValue).joined(separator: ",")
    @Option(help: "A base to train further: its parts are begun with, and kept where a stage is left out.")
    var from: String?
    @Option(help: "Concepts that must stay unknown to the generator.")
    var concepts = "data/concepts"
    @Option(help: "Colour bitmap font.")
    var font = EmojiFont.defaultPath
    @Option(help: "Steps of the U-Net and text encoder.")
    var unetSteps: Int?
    @Option(help: "Steps of the flow's transformer and text encoders.")
    var flowSteps: Int?
    @Option(help: "Steps of the autoencoder.")
    var vaeSteps: Int?
    @Option(help: "Steps of the encoders.")
    var clipSteps: Int?
    @Option(help: "Share of the U-Net's samples that show an everyday name; the others show any name.")
    var everydayShare: Float?
    @Option(help: "Steps between two saved states.")
    var saveEvery = 250

    @OptionGroup var machine: MachineOptions
    @OptionGroup var output: FormatOption

    func validate() throws {
        let numbers = [
            ("save-every", saveEvery), ("unet-steps", unetSteps ?? 1), ("vae-steps", vaeSteps ?? 1),
            ("clip-steps", clipSteps ?? 1), ("flow-steps", flowSteps ?? 1),
        ]
        for (name, value) in numbers where value < 1 {
            throw ValidationError("--\(name) \(value): wanted at least 1")
        }
    }

    func run() throws {
        MachineOptions.warnAboutForcedKernel()
        var pretrain = Pretrain(out: out, work: work)
        pretrain.start = from
        pretrain.conceptData = concepts
        pretrain.font = font
        pretrain.saveEvery = saveEvery
        pretrain.threads = machine.count
        pretrain.stages = Set(
            try stages.split(separator: ",").map { text in
                guard let stage = Pretrain.Stage(rawValue: String(text)) else {
                    throw CommandFailure(.usage, "--stages \(text): wanted any of vae, clip, unet, flow, check")
                }
                return stage
            })
        if let everydayShare {
            guard (0...1).contains(everydayShare) else {
                throw CommandFailure(.usage, "--everyday-share \(everydayShare): wanted 0 to 1")
            }
            pretrain.settings.everydayShare = everydayShare
        }
        if pretrain.stages.contains(.flow) {
            pretrain.settings.flow = PretrainSettings.Flow()
            if let flowSteps { pretrain.settings.flow?.training.steps = flowSteps }
        } else if flowSteps != nil {
            throw CommandFailure(.usage, "--flow-steps: --stages has no flow")
        }
        if let unetSteps { pretrain.settings.denoiser.steps = unetSteps }
        if let vaeSteps { pretrain.settings.vae.steps = vaeSteps }
        if let clipSteps { pretrain.settings.encoders.steps = clipSteps }
        let time = SystemTime()
        let start = time.monotonic()
        let thresholds = try pretrain.run(seconds: { (time.monotonic() - start) / .seconds(1) }, progress: Console.note)
        guard !thresholds.isEmpty else { return }
        if output.format == .json { return Console.out(try JSONText.encode(thresholds)) }
        var table = TextTable(columns: ["threshold", "value", "wanted", "passed"])
        table.rows = thresholds.map {
            [.text($0.name), .number($0.value), .text($0.wanted), .text($0.passed ? "yes" : "NO")]
        }
        Console.out(try table.rendered(as: output.format))
    }
}
