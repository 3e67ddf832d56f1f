import ArgumentParser
import SweepWire

struct LaunchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch",
        abstract: "Give a sweep to the coordinator. Launching a known name adds what is new and runs nothing twice.")

    @Argument(help: "The sweep file.")
    var file: String

    @Option(help: "Higher goes first; the sweep file's if left out.")
    var priority: Int?

    @Flag(help: "Stay and show progress until it is finished.")
    var watch = false

    @Flag(help: "Do not upload base model and data: workers find them with --inputs (shared file system).")
    var noUpload = false

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let client = try options.client()
        let answer = try await SweepLauncher(client: client, priority: priority, uploads: !noUpload).launch(file: file)
        if output.format == .json {
            Console.out(try JSONText.encode(answer))
        } else {
            let shared = answer.shared > 0 ? ", \(answer.shared) of them known already" : ""
            Console.out(
                "\(answer.sweep): \(answer.configurations) configurations, \(answer.jobs) jobs (\(answer.added) added\(shared))"
            )
        }
        if !answer.missingBlobs.isEmpty {
            Console.note(
                "\(answer.missingBlobs.count) input files are not with the coordinator; start workers with --inputs DIR"
            )
        }
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
