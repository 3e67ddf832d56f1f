import ArgumentParser
import Foundation
import Ports
import SweepFile
import SweepModel

/// What `import` and `queue` share: files of trainers, and names for their profiles.
struct TrainerConfigOptions: ParsableArguments {
    @Option(help: "Profile that runs it (worker/profiles); that of the trainer whose file it is, if left out.")
    var trainer: String?

    @Option(
        name: .customLong("value"),
        help: "A name of the profile and its text, such as script=/opt/sd-scripts/sdxl_train_network.py; may repeat.")
    var values: [String] = []

    func namedValues() throws -> [(name: String, text: String)] {
        try values.map { value in
            guard let equals = value.firstIndex(of: "="), equals > value.startIndex else {
                throw CommandFailure(.usage, "--value \(value): wanted NAME=TEXT")
            }
            return (String(value[..<equals]), String(value[value.index(after: equals)...]))
        }
    }

    func read(_ file: String) throws -> TrainerConfig {
        let path = Paths.expanded(file)
        do {
            let bytes = try DiskFiles().read(path, limit: SweepText.largestFile)
            return try TrainerConfig(try SweepText.decode(bytes, file: file), path: path)
        } catch let error as CommandFailure {
            throw error
        } catch {
            let text = "\(error)"
            throw CommandFailure(.usage, text.contains(path) ? text : "\(path): \(text)")
        }
    }

    func profile(of config: TrainerConfig) throws -> String {
        if let trainer { return trainer }
        guard EmbeddedProfiles.all[config.trainer.rawValue] != nil else {
            throw CommandFailure(
                .usage,
                "\(config.path) is a file of \(config.trainer.title), which has no profile yet; name one of your own with "
                    + "--trainer PROFILE (docs/guide/your-own-trainer.md)")
        }
        return config.trainer.rawValue
    }

    /// What the file names from its place.
    func paths(_ config: TrainerConfig) -> [(path: String, absolute: String)] {
        config.relativePaths(from: FileManager.default.currentDirectoryPath) {
            FileManager.default.fileExists(atPath: $0)
        }
    }
}

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Write the sweep file of a trainer's configuration file that works.",
        discussion: """
            Files of kohya sd-scripts, musubi-tuner and diffusion-pipe (TOML), ai-toolkit (YAML), OneTrainer and \
            SimpleTuner (JSON) are known by what stands in them. The file itself stays as it is and is named in \
            the sweep; axes worth trying stand in the sweep with a '#' before them. With --axis they are written as a \
            grid, names of ai-toolkit also without 'config.process[0].':

              radiata import cat.toml --axis network_dim=8,16 --axis unet_lr=1e-4,5e-4 -o cat.yaml

            With --from wandb a sweep file of W&B becomes one of Radiata's, to go on from.
            """)

    @Argument(help: "The configuration file.")
    var file: String

    @Option(help: "An axis of the grid, NAME=VALUE,VALUE; may repeat.")
    var axis: [String] = []

    @Option(help: "The sweep's name; made of the file's if left out.")
    var name: String?

    @Option(name: .shortAndLong, help: "The sweep file to write; '-' prints it.")
    var output: String?

    @OptionGroup var options: TrainerConfigOptions
    @OptionGroup var foreign: ForeignOptions

    func run() throws {
        if foreign.from != nil { return try importSweep() }
        let config = try options.read(file)
        let name = name ?? config.name
        guard SweepName(name) != nil else {
            throw CommandFailure(.usage, "--name \(name): wanted \(SweepName.wanted)")
        }
        let output = output ?? "\(name).yaml"
        let sweep = ImportedSweep(
            config, profile: try options.profile(of: config), reference: config.path,
            values: try options.namedValues(), axes: try axes(), paths: options.paths(config))
        if output != "-", FileManager.default.fileExists(atPath: output) {
            throw CommandFailure(.usage, "\(output) is there already; remove it, or give another file with -o")
        }
        try OutputFile.write(Data(sweep.text(name: name).utf8), to: output)
        guard output != "-" else { return }
        Console.note("\(output): a sweep of \(config.trainer.title) around \(file)")
        Console.note("next: radiata check \(output), then radiata launch \(output)")
    }

    private func importSweep() throws {
        guard axis.isEmpty, options.trainer == nil, options.values.isEmpty, name == nil else {
            throw CommandFailure(
                .usage, "--from takes the sweep file as it is, without --axis, --name, --trainer, --value")
        }
        let bytes = try DiskFiles().read(Paths.expanded(file), limit: SweepText.largestFile)
        let text = try foreign.converted(bytes, file, report: Console.note)
        let output = output ?? "\(URL(filePath: file).deletingPathExtension().lastPathComponent).radiata.yaml"
        if output != "-", FileManager.default.fileExists(atPath: output) {
            throw CommandFailure(.usage, "\(output) is there already; remove it, or give another file with -o")
        }
        try OutputFile.write(Data(text), to: output)
    }

    private func axes() throws -> [(name: String, values: String)] {
        try axis.map { axis in
            guard let equals = axis.firstIndex(of: "="), equals > axis.startIndex, axis.last != "=" else {
                throw CommandFailure(.usage, "--axis \(axis): wanted NAME=VALUE,VALUE")
            }
            let values = axis[axis.index(after: equals)...].split(separator: ",").joined(separator: ", ")
            return (String(axis[..<equals]), values)
        }
    }
}
