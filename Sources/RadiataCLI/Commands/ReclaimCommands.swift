import ArgumentParser
import SweepClient
import SweepModel
import SweepWire

struct ArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract: "Free a sweep's disk space: rows, metrics and each job's newest adapter stay.",
        discussion: """
            Training states, older adapters, pictures, base and data go, unless another sweep has them too. It says what that \
            frees and asks. Launching the sweep's file again brings base and data back; states that are gone stay gone.
            """)

    @OptionGroup var target: ReclaimTarget
    func run() async throws { try await target.perform(.archive) }
}

struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Remove a sweep with everything that no other sweep has.",
        discussion: """
            Jobs and files that other sweeps have too stay, and are named. It says what goes and asks. There is no way back but \
            a backup of the ledger and its blobs.
            """)

    @OptionGroup var target: ReclaimTarget
    func run() async throws { try await target.perform(.delete) }
}

/// What the two commands share.
struct ReclaimTarget: ParsableArguments {
    @Argument(help: "The sweep.")
    var sweep: String

    @Flag(help: "Do not ask.")
    var yes = false

    @Flag(help: "Only say what it would free.")
    var dryRun = false

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func perform(_ action: ReclaimAction) async throws {
        let client = try options.client()
        let plan = try await client.call(
            .reclaim, ReclaimRequest(sweep: sweep, action: action, isTrial: true), timeLimit: .seconds(600))
        if dryRun { return try tell(plan) }
        if action == .delete, plan.wasDone { return try tell(plan) }
        if output.format != .json {
            for line in ReclaimWords(plan).plan { Console.note(line) }
        }
        if !yes {
            guard Question.isPossible else {
                throw CommandFailure(.usage, "nothing was changed; say --yes to \(action.rawValue) \(sweep)")
            }
            guard Question.confirms(action == .archive ? "Archive it?" : "Delete it?") else {
                throw CommandFailure(.failed, "nothing was changed")
            }
        }
        // It goes on where it was cut off, so it may be asked again.
        let done = try await client.call(
            .reclaim, ReclaimRequest(sweep: sweep, action: action, isTrial: false), timeLimit: .seconds(3600))
        try tell(done)
    }

    private func tell(_ report: ReclaimReport) throws {
        if output.format == .json { return Console.out(try JSONText.encode(report)) }
        let words = ReclaimWords(report)
        for line in report.isDone || report.wasDone ? words.end : words.plan { Console.out(line) }
    }
}

/// A report in sentences.
struct ReclaimWords {
    let report: ReclaimReport

    init(_ report: ReclaimReport) { self.report = report }

    private static func count(_ number: Int, _ thing: String) -> String {
        "\(number) \(thing)\(number == 1 ? "" : "s")"
    }
    private static func size(_ bytes: Int) -> String { ByteText.megabytes(Int64(bytes)) }
    private var files: String { "\(Self.count(report.blobs, "file")), \(Self.size(report.bytes))" }

    /// Before.
    var plan: [String] {
        let jobs = Self.count(report.jobs, "job")
        let what =
            report.action == .archive
            ? "archiving \(report.sweep) frees \(files); rows, metrics and the newest adapter of each of its \(jobs) stay"
            : "deleting \(report.sweep) removes \(jobs) with all results and frees \(files)"
        return [what] + rest
    }

    /// Afterwards.
    var end: [String] {
        if report.wasDone, report.blobs == 0, report.jobs == 0 || report.action == .archive {
            return [
                report.action == .archive ? "\(report.sweep) is archived already" : "\(report.sweep) is deleted already"
            ]
                + rest
        }
        let what =
            report.action == .archive
            ? "\(report.sweep) is archived: \(files) freed"
            : "\(report.sweep) is deleted: \(Self.count(report.jobs, "job")), \(files) freed"
        return [what] + rest
    }

    private var rest: [String] {
        var lines: [String] = []
        if report.laterBlobs > 0 {
            lines.append(
                "\(Self.count(report.laterBlobs, "more file")) (\(Self.size(report.laterBytes))) somebody asked for lately: "
                    + "the garbage collector takes them within a day")
        }
        if report.sharedJobs > 0 {
            let named = report.shared.prefix(10).map { "\($0.job.prefix(8)) (\($0.sweeps.joined(separator: ", ")))" }
            let more = report.sharedJobs > named.count ? " and \(report.sharedJobs - named.count) more" : ""
            lines.append(
                "\(Self.count(report.sharedJobs, "job")) stay: other sweeps have them too: "
                    + named.joined(separator: ", ") + more)
        }
        if report.sharedBlobs > 0 {
            lines.append(
                "\(Self.count(report.sharedBlobs, "file")) (\(Self.size(report.sharedBytes))) stay: used by "
                    + (report.sharedWith.isEmpty ? "what stays of it" : report.sharedWith.joined(separator: ", ")))
        }
        return lines
    }
}
