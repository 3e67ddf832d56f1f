import ArgumentParser
import Foundation
import Ports
import RunSpec
import SweepFile
import SweepModel

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Expand a sweep file without running anything.")

    @Argument(help: "The sweep file.")
    var file: String

    @OptionGroup var output: FormatOption

    func run() throws {
        let sweep = try SweepFileReader(digest: .lookedUp).read(file)
        for warning in sweep.plan.warnings { Console.note("warning: \(warning)") }
        switch output.format {
        case .json: Console.out(try JSONText.encode(sweep.plan.report))
        case .csv: Console.out(try table(sweep.plan, short: false).rendered(as: .csv))
        case .table:
            Console.out(try table(sweep.plan, short: true).rendered(as: .table))
            let plan = sweep.plan
            Console.out(
                "\n\(plan.name): \(plan.configurations.count) configurations, \(plan.jobs.count) jobs, "
                    + "\(plan.checkpointCount) checkpoints")
        }
    }

    /// For people one row a configuration; for spreadsheets one row a job, with a column for every parameter.
    private func table(_ plan: SweepPlan, short: Bool) -> TextTable {
        guard !short else {
            var table = TextTable(columns: ["#", "group", "seeds", "parameters"])
            table.rows = plan.configurations.enumerated().map { index, configuration in
                let seeds = plan.jobs.filter { $0.configuration == index }.map { String($0.seed) }
                return [
                    .number(Double(index + 1)), .text(configuration.group), .text(seeds.joined(separator: " ")),
                    .text(configuration.given.summary),
                ]
            }
            return table
        }
        let names = Set(plan.configurations.flatMap { $0.given.keys }).sorted()
        var table = TextTable(columns: ["id", "group", "seed"] + names)
        table.rows = plan.jobs.map { job in
            let configuration = plan.configurations[job.configuration]
            let values = names.map { name in configuration.given[name].map { TextTable.Cell.text($0.plain) } ?? .none }
            return [.text(job.id.text), .text(configuration.group), .number(Double(job.seed))] + values
        }
        return table
    }
}
