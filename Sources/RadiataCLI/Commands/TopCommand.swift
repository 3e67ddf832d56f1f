import ArgumentParser
import RunSpec
import SweepAnalysis
import SweepClient
import SweepModel

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "A sweep's configurations, best first.",
        discussion: """
            By a metric of the evaluations, or by what trainers logged: any key of the sweep's curves, for example val_loss.
            """)

    @Argument(help: "The sweep.")
    var sweep: String
    @Option(help: "Metric or key of a curve, for example squared_centroid_distance or val_loss.")
    var metric = "squared_centroid_distance"
    @Option(
        help: """
            Which value counts: last, best or step:N. For curves the last if left out, for evaluations that of the best \
            checkpoint.
            """)
    var at: TopPlace?
    @Option(help: "Which values are better: lower or higher; by the metric's name if left out (loss, error: lower).")
    var better: Direction?
    @Option(help: "Prompt type; where the metric is usually read if left out.")
    var prompts: String?
    @Option(help: "How many.")
    var limit = 20
    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    enum Direction: String, ExpressibleByArgument, CaseIterable { case lower, higher }

    private var lowerIsBetter: Bool {
        MetricInfo.of(metric, lowerIsBetter: better.map { $0 == .lower }).lowerIsBetter
    }

    func run() async throws {
        let client = try options.client()
        let results = try await SweepResults(client: client, sweep: sweep).fetch()
        var ranking = results.ranking(
            by: metric, prompts: prompts, checkpoints: at?.checkpoints ?? .best, lowerIsBetter: lowerIsBetter)
        if ranking.isEmpty {
            ranking = try await byCurve(results, SweepCurves(client: client, sweep: sweep))
        }
        Console.out(try rendered(Array(ranking.prefix(limit))))
        if output.format == .table { Console.note("\(lowerIsBetter ? "lower" : "higher") is better") }
    }

    private func byCurve(_ results: SweepResultSet, _ curves: SweepCurves) async throws -> [RankedConfiguration] {
        let keys = try await curves.keys()
        guard keys.contains(metric), prompts == nil else { throw unknown(results.metrics, keys) }
        let values = try await curves.values(of: metric, at: at?.curve ?? .last, lowerIsBetter: lowerIsBetter)
        let ranking = results.ranking(ofCurve: metric, values, lowerIsBetter: lowerIsBetter)
        if ranking.isEmpty {
            let steps = try await curves.steps(of: metric).map { "; it was logged from step \($0.first) to \($0.last)" }
            throw CommandFailure(
                .notFound, "\(sweep) has no number under '\(metric)' \(at?.text ?? "at the last step")\(steps ?? "")")
        }
        let left = results.jobs.count - Set(ranking.flatMap(\.jobs)).count
        if left > 0 {
            Console.note(
                "\(left) of \(results.jobs.count) jobs have no number under '\(metric)' there and are left out")
        }
        return ranking
    }

    private func unknown(_ metrics: [String], _ keys: [String]) -> CommandFailure {
        var there: [String] = []
        if !metrics.isEmpty { there.append("its evaluations have \(metrics.joined(separator: ", "))") }
        if !keys.isEmpty { there.append("its curves are \(keys.joined(separator: ", "))") }
        if let prompts, metrics.contains(metric) { there.append("not all of them with prompts '\(prompts)'") }
        if let at, metrics.contains(metric) { there.append("not all of them \(at.text)") }
        let what = there.isEmpty ? "nothing was measured or logged there yet" : there.joined(separator: "; ")
        return CommandFailure(.notFound, "\(sweep) has no values of '\(metric)'; \(what)")
    }

    private func rendered(_ ranking: [RankedConfiguration]) throws -> String {
        guard output.format == .json else {
            var table = TextTable(columns: ["rank", "configuration", "epoch", "step", metric, "deviation", "jobs"])
            table.rows = ranking.map { entry in
                [
                    .number(Double(entry.rank)), .text(entry.label),
                    entry.checkpoint == nil ? .none : .number(Double(entry.epoch)), .number(Double(entry.step)),
                    .number(entry.mean), entry.deviation.map { .number($0) } ?? .none,
                    .text(entry.jobs.map { String($0.prefix(12)) }.joined(separator: " ")),
                ]
            }
            return try table.rendered(as: output.format)
        }
        let rows = ranking.map { entry in
            TopDocument.Row(entry, tied: ranking.count { $0.rank == entry.rank } > 1 ? [entry.rank] : [])
        }
        return try JSONText.encode(
            TopDocument(metric: metric, better: lowerIsBetter ? "lower" : "higher", rows: rows))
    }
}

/// `--at`.
enum TopPlace: Equatable, ExpressibleByArgument {
    case last
    case best
    case step(Int)

    init?(argument: String) {
        switch argument {
        case "last": self = .last
        case "best": self = .best
        default:
            let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == "step", let step = Int(parts[1]), step >= 0 else { return nil }
            self = .step(step)
        }
    }

    var checkpoints: SweepResultSet.CheckpointChoice {
        switch self {
        case .last: .last
        case .best: .best
        case .step(let step): .step(step)
        }
    }

    var curve: SweepCurves.Place {
        switch self {
        case .last: .last
        case .best: .best
        case .step(let step): .step(step)
        }
    }

    var text: String {
        switch self {
        case .last: "at the last step"
        case .best: "at any step"
        case .step(let step): "at step \(step)"
        }
    }
}

/// `top --format json`.
struct TopDocument: Encodable {
    struct Row: Encodable {
        let rank: Int
        let configuration: String
        let label: String
        let parameters: [String: ParameterValue]
        /// nil for a value of a curve.
        let checkpoint: String?
        let step: Int
        let seeds: Int
        let value: Double
        let deviation: Double?
        /// Bounds of the value, and the chance to be the best one: not computed yet.
        let low: Double?
        let high: Double?
        let bestProbability: Double?
        /// Ranks that cannot be told from this one; equal values share a rank, which is here then.
        let tied: [Int]
        let jobs: [String]

        private enum CodingKeys: String, CodingKey {
            case rank, configuration, label, parameters, checkpoint, step, seeds, value, deviation, low, high, jobs
            case bestProbability = "best_probability"
            case tied = "tied_with"
        }

        init(_ entry: RankedConfiguration, tied: [Int]) {
            rank = entry.rank
            configuration = entry.configuration
            label = entry.label
            parameters = entry.parameters
            checkpoint = entry.checkpoint
            step = entry.step
            seeds = entry.jobs.count
            value = entry.mean
            deviation = entry.deviation
            low = nil
            high = nil
            bestProbability = nil
            self.tied = tied
            jobs = entry.jobs
        }

        /// Fields without a value are null, not left out.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(rank, forKey: .rank)
            try container.encode(configuration, forKey: .configuration)
            try container.encode(label, forKey: .label)
            try container.encode(parameters, forKey: .parameters)
            try container.encode(checkpoint, forKey: .checkpoint)
            try container.encode(step, forKey: .step)
            try container.encode(seeds, forKey: .seeds)
            try container.encode(value, forKey: .value)
            try container.encode(deviation, forKey: .deviation)
            try container.encode(low, forKey: .low)
            try container.encode(high, forKey: .high)
            try container.encode(bestProbability, forKey: .bestProbability)
            try container.encode(tied, forKey: .tied)
            try container.encode(jobs, forKey: .jobs)
        }
    }

    let version = 1
    let metric: String
    let better: String
    let rows: [Row]
}
