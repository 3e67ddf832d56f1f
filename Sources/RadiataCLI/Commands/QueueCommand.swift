import ArgumentParser
import Foundation
import SweepFile
import SweepModel
import SweepWire

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Run configuration files as they are, one after another over all slots.",
        discussion: """
            Each file is a job: it gets a folder and a name of its own, so nothing overwrites anything, and is tried \
            again where that helps. A file that ran already is not run again; one that changed is. More files may be \
            queued at any time. The jobs are the sweep 'queue-PROFILE', for 'radiata status', 'top' and the rest.
            """)

    @Argument(help: "Configuration files of trainers: of kohya sd-scripts, ai-toolkit and others that import knows.")
    var configs: [String]

    @Option(help: "The sweep's name; 'queue-PROFILE' if left out.")
    var name: String?

    @Flag(help: "Stay and show progress until it is finished.")
    var watch = false

    @Flag(help: "Print the sweep file instead of launching it.")
    var print = false

    @OptionGroup var trainerOptions: TrainerConfigOptions
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let files = try configs.map(trainerOptions.read)
        var byProfile: [(profile: String, files: [TrainerConfig])] = []
        for file in files {
            let profile = try trainerOptions.profile(of: file)
            if let index = byProfile.firstIndex(where: { $0.profile == profile }) {
                byProfile[index].files.append(file)
            } else {
                byProfile.append((profile, [file]))
            }
        }
        if let name, byProfile.count > 1 || SweepName(name) == nil {
            throw CommandFailure(
                .usage,
                "--name \(name): "
                    + (byProfile.count > 1
                        ? "these are files of several trainers, one sweep each; leave it out"
                        : "wanted \(SweepName.wanted)"))
        }
        for (profile, files) in byProfile {
            let own = name ?? "queue-" + TrainerConfig.name(of: profile)
            let text = QueuedSweep(
                files, profile: profile, values: try trainerOptions.namedValues(), paths: trainerOptions.paths
            ).text(name: own)
            if self.print {
                Console.write(text)
            } else {
                try await launch(text, name: own)
            }
        }
    }

    private func launch(_ text: String, name: String) async throws {
        let client = try options.client()
        let launcher = SweepLauncher(client: client)
        let inputs = SweepFileReader.Inputs()
        let sweep = try SweepFileReader(digest: inputs).read(text: text, name: "\(name).yaml")
        for finding in SweepFindings.of(sweep) { Console.note("warning: \(finding)") }
        let answer = try await launcher.launch(sweep, inputs)
        let known = sweep.plan.jobs.count - answer.added
        let shared = known > 0 ? ", \(known) known already" : ""
        Console.out("\(answer.sweep): \(sweep.plan.jobs.count) jobs (\(answer.added) added\(shared))")
        guard watch else { return }
        let summary = try await SweepWatcher(client: client, sweep: answer.sweep).run()
        let done = summary.states["done"] ?? 0
        if done < summary.jobs {
            throw CommandFailure(
                .failed,
                "\(summary.jobs - done) of \(summary.jobs) jobs did not finish; see 'radiata jobs \(answer.sweep)'")
        }
    }
}
