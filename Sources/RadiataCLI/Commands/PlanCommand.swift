import ArgumentParser
import CoreTools
import RunSpec
import SweepClient
import SweepFile
import SweepModel

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Expand a sweep file without running anything.",
        discussion: CommandExamples.text(
            "Hours are estimated from earlier runs where a coordinator that has some can be reached.",
            ["radiata plan mine.yaml", "radiata plan mine.yaml --format json | jq .checkpoints"]))

    @Argument(help: "The sweep file.")
    var file: String

    @OptionGroup var foreign: ForeignOptions
    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let inputs = SweepFileReader.Inputs()
        let sweep = try SweepFileReader(digest: inputs, foreign: foreign).read(file)
        for warning in sweep.plan.warnings + SweepFindings.of(sweep) { Console.note("warning: \(warning)") }
        let needs = try SweepPreflight.check(sweep, file: file)
        let lines = LineBuffer()
        let printer = PlanPrinter(sweep.plan) { lines.add($0) }
        switch output.format {
        case .json: try printer.json()
        case .csv: printer.csv()
        case .table: printer.table()
        }
        lines.flush()
        guard output.format == .table else { return }
        // Asked only where it is shown; a plan needs no coordinator.
        let client = options.clientIfAny()
        let preview = try await SweepPreview.ask(client, about: sweep, isNeeded: false)
        var summary = PlanSummary(
            sweep.plan, history: preview.history, budget: sweep.definition.budget,
            trainer: sweep.definition.trainer)
        summary.inputs = try await InputPreview.ask(client, of: sweep, inputs, preview, isNeeded: false).lines
        if let line = try Self.preparations(of: sweep) { summary.data = [line] }
        Console.out("\n" + summary.lines.joined(separator: "\n"))
        if let needs { Console.out("\(needs.description); estimated") }
    }

    /// What is made before the jobs; nil for nothing, and where their ids are not known yet.
    private static func preparations(of sweep: SweepFile) throws -> String? {
        guard let rules = sweep.definition.trainer.command?.prepare, !sweep.plan.jobs.contains(where: \.provisional)
        else { return nil }
        let jobs = try sweep.definition.resolvedJobs(sweep.plan)
        let count = Set(try jobs.flatMap { try $0.preparations().map(\.job.id) }).count
        let names = rules.map(\.title).joined(separator: ", ")
        return "before them: \(count) job\(count == 1 ? "" : "s") of the kind prepare (\(names))"
    }
}
