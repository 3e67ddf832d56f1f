import ArgumentParser
import Foundation
import SweepFile
import SweepModel

/// What is most likely not meant in a sweep, looked up on this machine.
enum SweepFindings {
    static func of(_ sweep: SweepFile) -> [String] {
        SweepLint.findings(in: sweep) { FileManager.default.fileExists(atPath: $0) }
    }
}

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look for what is allowed in a sweep file and most likely not meant.",
        discussion: """
            Keys that the trainer would pass over, paths that lead nowhere, outputs that collide, a resume that cannot \
            work, ranks and rates out of custom. 'plan' and 'launch' say the same as warnings. Exits with 0 where \
            nothing was found, 1 where something was, 2 where the file is refused.
            """)

    @Argument(help: "The sweep file.")
    var file: String

    @OptionGroup var output: FormatOption

    func run() throws {
        let sweep = try SweepFileReader(digest: .lookedUp).read(file)
        let findings = sweep.plan.warnings + SweepFindings.of(sweep)
        if output.format == .json {
            Console.out(try JSONText.encode(CheckReport(findings: findings)))
        } else {
            for finding in findings { Console.out(finding) }
            let jobs = "\(sweep.plan.configurations.count) configurations, \(sweep.plan.jobs.count) jobs"
            let found = findings.isEmpty ? "nothing found" : "\(findings.count) found"
            Console.note("\(file): \(found); \(jobs)")
        }
        if !findings.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
    }
}

struct CheckReport: Encodable {
    let findings: [String]
}
