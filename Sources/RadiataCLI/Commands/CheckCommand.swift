import ArgumentParser
import Foundation
import SweepClient
import SweepFile
import SweepModel

/// What is most likely not meant in a sweep, looked up on this machine.
enum SweepFindings {
    static func of(_ sweep: SweepFile) -> [String] {
        SweepLint.findings(
            in: sweep, exists: { FileManager.default.fileExists(atPath: $0) },
            // A folder that is not there has its own finding.
            names: { (try? FileManager.default.contentsOfDirectory(atPath: $0)) ?? [] })
    }
}

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look for what is allowed in a sweep file and most likely not meant.",
        discussion: """
            Keys that the trainer would pass over, paths that lead nowhere, outputs that collide, a resume that cannot \
            work, steps that do not add up, ranks and rates out of custom. 'plan' and 'launch' say the same as \
            warnings. Hours and disk are estimated from earlier runs, where a coordinator that has some can be reached. \
            Exits with 0 where nothing was found, 1 where something was, 2 where the file is refused.
            """)

    @Argument(help: "The sweep file.")
    var file: String

    @Flag(help: "Ask the trainer too, where it is installed here (kohya: --output_config).")
    var askTrainer = false

    @OptionGroup var foreign: ForeignOptions
    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let sweep = try SweepFileReader(digest: .lookedUp, foreign: foreign).read(file)
        var findings = sweep.plan.warnings + SweepFindings.of(sweep)
        if askTrainer {
            guard let said = try KohyaProbe(sweep: sweep).findings() else {
                throw CommandFailure(
                    .usage, "--ask-trainer: nobody to ask; it takes the profile kohya, with its script on this machine")
            }
            findings += said
        }
        if output.format == .json {
            Console.out(try JSONText.encode(CheckReport(findings: findings)))
        } else {
            for finding in findings { Console.out(finding) }
            let jobs = "\(sweep.plan.configurations.count) configurations, \(sweep.plan.jobs.count) jobs"
            let found = findings.isEmpty ? "nothing found" : "\(findings.count) found"
            Console.note("\(file): \(found); \(jobs)")
            try await estimate(sweep)
        }
        if !findings.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}

extension CheckCommand {
    /// What is told of hours and disk; that is no finding.
    private func estimate(_ sweep: SweepFile) async throws {
        guard let client = options.clientIfAny() else { return }
        let preview = try await SweepPreview.ask(client, about: sweep, isNeeded: false)
        let summary = PlanSummary(
            sweep.plan, history: preview.history, budget: sweep.definition.budget, trainer: sweep.definition.trainer)
        for line in summary.estimates { Console.note(line) }
    }
}

struct CheckReport: Encodable {
    let findings: [String]
}
