import ArgumentParser
import SweepFile
import SweepModel
import SweepWire

struct LaunchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch",
        abstract: "Give a sweep to the coordinator. Launching a known name adds what is new and runs nothing twice.",
        discussion: CommandExamples.text(["radiata launch mine.yaml --watch", "radiata launch mine.yaml --priority 5"]))

    @Argument(help: "The sweep file.")
    var file: String

    @Option(help: "Higher goes first; the sweep file's if left out.")
    var priority: Int?

    @Flag(help: "Stay and show progress until it is finished.")
    var watch = false

    @Flag(help: "Say nothing on the way; what was launched is still printed.")
    var quiet = false

    @Flag(help: "Do not upload base model and data: workers find them with --inputs (shared file system).")
    var noUpload = false

    @Flag(help: "Say what would be launched and sent, and do neither.")
    var dryRun = false

    @Flag(help: "Do not ask before another file adds jobs to a known sweep.")
    var yes = false

    @OptionGroup var foreign: ForeignOptions
    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let client = try options.client()
        let launcher = SweepLauncher(client: client, priority: priority, uploads: !noUpload, foreign: foreign)
        let inputs = SweepFileReader.Inputs()
        let sweep = try launcher.read(file, inputs)
        let preview = try await SweepPreview.ask(client, about: sweep, isNeeded: true)
        let sent = try await InputPreview.ask(client, of: sweep, inputs, preview, isNeeded: true, sends: !noUpload)
        if output.format == .table, !quiet || dryRun {
            var summary = PlanSummary(
                sweep.plan, history: preview.history, budget: sweep.definition.budget,
                trainer: sweep.definition.trainer)
            summary.inputs = sent.lines
            for line in summary.lines { Console.note(line) }
        }
        if dryRun {
            if output.format == .json { return Console.out(try JSONText.encode(sent)) }
            if let addition = try await preview.addition(client) { Console.note(addition.text) }
            return Console.out("nothing was launched, nothing was sent (--dry-run)")
        }
        if let addition = try await preview.addition(client) { try confirm(addition) }
        let answer = try await launcher.launch(sweep, inputs, again: "radiata launch \(file)")
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
        let summary = try await SweepWatcher(client: client, sweep: answer.sweep, isQuiet: quiet).run()
        if !quiet { for line in await Verdict(client: client, summary: summary).lines() { Console.note(line) } }
        if let stop = StatusTables.stop(of: summary) { throw CommandFailure(.failed, "\(summary.name) \(stop)") }
        let done = summary.states["done"] ?? 0
        if done < summary.jobs {
            throw CommandFailure(
                .failed,
                "\(summary.jobs - done) of \(summary.jobs) jobs did not finish; see 'radiata jobs \(answer.sweep)'")
        }
    }
    /// Another file may be a slip of the name: whoever launches it says so, at the terminal or with `--yes`.
    private func confirm(_ addition: SweepAddition) throws {
        Console.note(addition.text)
        if yes { return }
        guard Question.isPossible else {
            throw CommandFailure(
                .usage, "nothing was launched; say --yes to add these jobs, or give the sweep another name")
        }
        guard Question.confirms("Add them?") else { throw CommandFailure(.failed, "nothing was launched") }
    }
}
