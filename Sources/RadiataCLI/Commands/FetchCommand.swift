import ArgumentParser
import CoreAdapters
import Foundation
import Ports
import RunSpec
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

struct FetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Take an adapter home: the file, its pictures, its settings, and a model card.",
        discussion: CommandExamples.text(
            """
            Writes into one folder: the adapter (safetensors, checked against its SHA-256), its contact sheet, settings.json, \
            settings.toml for kohya's sd-scripts, and README.md: what it is, how sure its rank is, how to use it. A download \
            that was cut off goes on where it stopped when the same command is given again.
            """, ["radiata fetch mine --best -o best", "radiata fetch 3f2a91c0 --samples -o adapter"]))

    @Argument(help: "A job id (a unique beginning of at least 8 digits), or with --best a sweep's name.")
    var target: String

    @Flag(help: "The best checkpoint of a sweep, by the rule of top and advise; says so where it is tied.")
    var best = false

    @Option(help: "Another checkpoint of the job: an epoch, or step:N; the newest if left out.")
    var checkpoint: String?

    @Flag(help: "All of the job's sample images and contact sheets too.")
    var samples = false

    @Option(name: .shortAndLong, help: "The folder; SWEEP-JOB-CHECKPOINT in this one if left out.")
    var output: String?

    @OptionGroup var options: ClientOptions

    func validate() throws {
        guard let checkpoint else { return }
        do {
            _ = try CheckpointName(checkpoint)
        } catch let failure as CommandFailure {
            throw ValidationError(failure.description)
        }
    }

    func run() async throws {
        let client = try options.client()
        let chooser = FetchChooser(
            client: client, target: target, isBest: best, checkpoint: try checkpoint.map(CheckpointName.init))
        let choice = try await chooser.choose()
        let fetch = AdapterFetch(client: client, choice: choice, samples: samples)
        let folder = try FetchFolder(path: Paths.expanded(output ?? fetch.name), client: client)
        let again = InterruptHandler(notice: "stopped; the same command goes on where this one stopped")
        defer { again.cancel() }
        try await fetch.run(into: folder)
        Console.out(folder.path)
    }
}

/// Writes one adapter and what belongs to it.
private struct AdapterFetch {
    let client: SweepClient
    let choice: FetchChoice
    let samples: Bool

    private struct Item {
        var name: String
        var sha256: String
        var bytes: Int
    }

    /// Of the adapter, without an ending: what tells it from all others of the sweep.
    var name: String {
        let one = choice.checkpoint
        return "\(choice.sweep)-\(choice.job.prefix(8))-" + (one.epoch > 0 ? "epoch-\(one.epoch)" : "step-\(one.step)")
    }

    func run(into folder: FetchFolder) async throws {
        let detail = try await client.call(.job, JobRequest(job: choice.job))
        let pictures = try await client.rows(of: PublicQueries.pictures(ofJob: choice.job))
        let sheet = pictures.first { !$0.isSample && $0.checkpoint == choice.checkpoint.checkpoint }
        let adapters = choice.files.map { file in
            Item(
                name: choice.files.count == 1 ? name + Self.ending(of: file.file) : "adapter/\(file.file)",
                sha256: file.sha256, bytes: file.bytes)
        }
        var items = adapters
        var sheetName: String?
        if let sheet {
            let name = name + Self.ending(of: sheet.name)
            sheetName = name
            items.append(Item(name: name, sha256: sheet.sha256, bytes: sheet.bytes))
        }
        if samples {
            let others = pictures.filter { $0.isSample || $0.checkpoint != choice.checkpoint.checkpoint }
            items += others.map { Item(name: "samples/\($0.name)", sha256: $0.sha256, bytes: $0.bytes) }
            if others.isEmpty { Console.note("the job has no other pictures") }
        }
        try await download(items, into: folder)
        try await describe(detail, adapters, sheet: sheetName, into: folder)
        try folder.finish()
    }

    private func download(_ items: [Item], into folder: FetchFolder) async throws {
        let meter = DownloadMeter(total: items.reduce(0) { $0 + Int64($1.bytes) })
        for (number, item) in items.enumerated() {
            try await folder.fetch(item.sha256, bytes: item.bytes, as: item.name) {
                meter.update(file: number, bytes: $0)
            }
        }
        meter.end()
    }

    private func describe(
        _ detail: JobDetail, _ adapters: [Item], sheet: String?, into folder: FetchFolder
    ) async throws {
        let one = choice.checkpoint
        let resolved = try await client.rows(of: PublicQueries.parameters(ofJob: choice.job)).first?.parameters
        let parameters = resolved ?? detail.job.parameters
        // A command's parameters may have the same names and mean what its program makes of them.
        let isCore = detail.base != nil && (try? TrainingSpec(resolved: parameters, seed: detail.job.seed)) != nil
        let files = adapters.map { FetchedSettings.File(name: $0.name, sha256: $0.sha256, bytes: $0.bytes) }
        let settings = FetchedSettings(
            job: choice.job, sweep: choice.sweep, group: detail.job.group, seed: detail.job.seed,
            checkpoint: .init(name: one.checkpoint, epoch: one.epoch, step: one.step), parameters: parameters,
            given: detail.job.parameters, base: detail.base, data: detail.data, files: files)
        try folder.write(try JSONText.encode(settings) + "\n", as: "settings.json")
        if isCore {
            let kohya = KohyaSettings(
                parameters, seed: detail.job.seed,
                .init(base: detail.base?.path, data: detail.data?.path, output: name))
            let remarks = [
                "Settings of job \(choice.job.prefix(12)) of the sweep \(choice.sweep), for kohya's sd-scripts with LyCORIS.",
                "Paths are those of the machine that launched it.",
            ]
            try folder.write(kohya.toml(remarks: remarks), as: "settings.toml")
        }
        var card = ModelCard(
            name: name, sweep: choice.sweep, job: choice.job, checkpoint: one.checkpoint, epoch: one.epoch,
            step: one.step, seed: detail.job.seed, given: detail.job.parameters, parameters: parameters)
        card.base = detail.base.map { ModelCard.Origin(path: $0.path, digest: $0.digest) }
        card.data = detail.data.map { ModelCard.Origin(path: $0.path, digest: $0.digest) }
        card.triggers =
            isCore ? try await detail.data.map { TriggerReader(client: client, data: $0) }?.read() ?? [] : []
        card.files = files.map { ($0.name, $0.sha256) }
        card.sheet = sheet
        card.answer = choice.answer
        card.results = try await client.rows(of: PublicQueries.results(ofSweep: choice.sweep, isAveraged: true))
            .filter { $0.job == choice.job && $0.step == one.step }
        card.lineage = detail.origin.map { origin in
            let place = origin.step > 0 ? " from \(StepText.place(epoch: origin.epoch, step: origin.step))" : ""
            let changes = origin.changes.isEmpty ? "" : ", with \(origin.changes.summary)"
            let made = "Made by \(origin.way) of job `\(origin.parent.prefix(12))`\(place)\(changes)."
            return ModelCard.Lineage(text: [made, origin.notice].compactMap { $0 }.joined(separator: " "))
        }
        card.isCore = isCore
        card.isPlainLoRA = isCore && KohyaSettings.isPlainLoRA(parameters)
        card.program = ProgramVersion.number
        try folder.write(card.markdown(), as: "README.md")
    }

    private static func ending(of name: String) -> String {
        let ending = (name as NSString).pathExtension
        return ending.isEmpty ? "" : ".\(ending)"
    }
}
