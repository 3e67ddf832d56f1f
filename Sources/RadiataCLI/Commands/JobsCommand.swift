import ArgumentParser
import SweepClient
import SweepModel
import SweepWire

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "List jobs.",
        discussion: CommandExamples.text([
            "radiata jobs mine", "radiata jobs mine --state failed", "radiata jobs --format csv > jobs.csv",
        ]))

    @Argument(help: "Only jobs of this sweep.")
    var sweep: String?

    @Option(help: "Only jobs in this state: \(StatusTables.states.joined(separator: ", ")).")
    var state: String?

    @Option(help: "Only jobs that carry this tag.")
    var tag: String?

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func validate() throws {
        guard let state, !StatusTables.states.contains(state) else { return }
        throw ValidationError("--state \(state): wanted one of \(StatusTables.states.joined(separator: ", "))")
    }

    func run() async throws {
        let jobs = try await JobPages(client: try options.client(), sweep: sweep, state: state, tag: tag).all()
        if output.format == .json {
            Console.out(try JSONText.encode(jobs))
            return
        }
        var table = TextTable(
            columns: [
                "job", "sweep", "group", "state", "seed", "attempts", "worker", "failure", "parent", "tags",
                "parameters", "fell_back",
            ])
        table.rows = jobs.map { job in
            [
                .text(output.format == .table ? String(job.id.prefix(12)) : job.id), .text(job.sweep), .text(job.group),
                .text(job.state), .number(Double(job.seed)), .number(Double(job.attempts)),
                job.worker.map { .text($0) } ?? .none, job.failure.map { .text($0) } ?? .none,
                job.parent.map { .text(output.format == .table ? String($0.prefix(12)) : $0) } ?? .none,
                job.tags.map { .text($0.joined(separator: " ")) } ?? .none, .text(job.parameters.summary),
                job.fallback.map { .text($0.summary) } ?? .none,
            ]
        }
        Console.out(try table.rendered(as: output.format))
    }
}

/// All jobs, page by page.
struct JobPages {
    let client: SweepClient
    let sweep: String?
    let state: String?
    var tag: String?
    /// Jobs a page.
    var size = 1000

    func all() async throws -> [JobSummary] {
        var jobs: [JobSummary] = []
        while true {
            let page = try await client.call(
                .jobs, JobsRequest(sweep: sweep, state: state, limit: size, after: jobs.last?.id, tag: tag))
            jobs += page.items
            if page.items.count < size { return jobs }
        }
    }
}
