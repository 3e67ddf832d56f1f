import ArgumentParser
import CoreTools
import RunSpec
import SweepClient
import SweepFile
import SweepModel

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Expand a sweep file without running anything.",
        discussion: "Hours are estimated from earlier runs where a coordinator that has some can be reached.")

    @Argument(help: "The sweep file.")
    var file: String

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let sweep = try SweepFileReader(digest: .lookedUp).read(file)
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
        let preview = try await SweepPreview.ask(client, about: sweep, isNeeded: false)
        let summary = PlanSummary(sweep.plan, history: preview.history, budget: sweep.definition.budget)
        Console.out("\n" + summary.lines.joined(separator: "\n"))
        if let needs { Console.out("\(needs.description); estimated") }
    }
    /// nil, and a word why, where the options or the environment name none: a plan is printed all the same.
    private var client: SweepClient? {
        do {
            return try options.client()
        } catch {
            Console.note("warning: no coordinator is asked: \(error)")
            return nil
        }
    }
}
