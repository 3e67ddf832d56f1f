import ArgumentParser
import RunSpec
import SweepAnalysis
import SweepClient
import SweepModel

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "A sweep's configurations, best first, and how sure that is.",
        discussion: CommandExamples.text(
            """
            Without --metric by the rule: several measures of the evaluations with weights, or what trainers logged where \
            nothing was evaluated. With it by one metric of the evaluations, or by any key of the sweep's curves, for example \
            val_loss. Values stand with their 90 % intervals over training seeds.
            """, ["radiata top mine", "radiata top mine --metric val_loss --at best", "radiata top mine --format json"])
    )

    @Argument(help: "The sweep.")
    var sweep: String
    @Option(help: "Metric or key of a curve, for example paired_fidelity or val_loss; the rule if left out.")
    var metric: String?
    @Option(
        help: """
            Which value counts: last, best, step:N or mean:K (the mean of the last K). For curves the last if left out, for \
            evaluations that of the best checkpoint.
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

    func validate() throws {
        guard metric == nil else { return }
        guard prompts == nil, better == nil else {
            throw ValidationError("--prompts and --better need --metric: a rule has its own")
        }
    }

    func run() async throws {
        let source = SweepResults(source: try options.client(), sweep: sweep)
        let answer: SweepAnswer
        if let metric {
            answer = try await byMetric(metric, source)
        } else {
            let overview = try await source.overview()
            let rule = DecisionRule.standard(
                measures: overview.measures, curves: overview.curves, declared: overview.declared)
            let choice = rule.readsOnlyCurves ? at?.curveChoice : at?.checkpoints
            let set = try await source.fetchForAnswer(
                rule: rule, at: at?.curve ?? .last, checkpoints: choice, rows: limit, overview: overview
            ).set
            answer = set.answer(rule: rule, checkpoints: choice)
            guard !answer.rows.isEmpty else { throw CommandFailure(.notFound, "\(sweep): \(answer.words[0])") }
        }
        let table = TopTable(answer: answer, metric: metric, limit: limit)
        Console.out(try table.rendered(as: output.format))
        guard output.format == .table else { return }
        for line in table.notes { Console.note(line) }
        for warning in answer.warnings { Console.note("warning: \(warning)") }
    }

    private func byMetric(_ text: String, _ source: SweepResults) async throws -> SweepAnswer {
        let lower = better.map { $0 == .lower }
        let overview = try await source.overview()
        // A sweep that is not there is named by who lists its jobs.
        if overview.trained == 0 { _ = try await source.source.jobs(ofSweep: sweep) }
        let metric = try name(text, overview)
        var evaluated = Criterion(metric, lowerIsBetter: lower, curves: [String](), declared: overview.declared)
        let types = overview.measures.filter { $0.metric == evaluated.metric }.map(\.prompts)
        if let prompts {
            evaluated.prompts = prompts
        } else if !types.isEmpty, !types.contains(evaluated.prompts ?? "") {
            // An evaluation command may have no prompts at all.
            evaluated.prompts = types.first
        }
        if !types.isEmpty {
            let rule = DecisionRule(criteria: [evaluated])
            let choice = at?.checkpoints ?? .best
            let answer = try await source.fetchForAnswer(
                rule: rule, checkpoints: choice, rows: limit, metrics: [evaluated.metric], overview: overview
            ).set.answer(rule: rule, checkpoints: choice)
            if !answer.rows.isEmpty { return answer }
        }
        guard overview.curves.contains(metric), prompts == nil else { throw unknown(metric, overview) }
        return try await byCurve(
            Criterion(metric: metric, prompts: nil, lowerIsBetter: lower, declared: overview.declared), source, overview
        )
    }

    private func byCurve(
        _ curve: Criterion, _ source: SweepResults, _ overview: SweepOverview
    ) async throws -> SweepAnswer {
        let rule = DecisionRule(criteria: [curve])
        let place = at?.curve ?? .last
        if place == .last {
            let set = try await source.fetchForAnswer(rule: rule, rows: limit, metrics: [], overview: overview).set
            let answer = set.answer(rule: rule, checkpoints: .last)
            if !answer.rows.isEmpty {
                if set.jobsElsewhere == 0 { noteLeft(set, answer) }
                return answer
            }
        }
        var set = try await source.fetch(
            metrics: [], isAveraged: true, isBrief: true, curves: [curve.metric], overview: overview)
        let curves = SweepCurves(source: source.source, sweep: sweep)
        set.curves[curve.metric] = try await curves.values(
            of: curve.metric, at: place, lowerIsBetter: curve.lowerIsBetter)
        // What counts was chosen by the query; a job has one value.
        let logged = set.answer(rule: rule, checkpoints: .last)
        if logged.rows.isEmpty {
            let steps = try await curves.steps(of: curve.metric)
                .map { "; it was logged from step \($0.first) to \($0.last)" }
            throw CommandFailure(
                .notFound,
                "\(sweep) has no number under '\(curve.metric)' \(at?.text ?? "at the last step")\(steps ?? "")")
        }
        noteLeft(set, logged)
        return logged
    }

    private func noteLeft(_ set: SweepResultSet, _ answer: SweepAnswer) {
        let left = set.jobs.count - Set(answer.rows.flatMap(\.jobs)).count
        guard left > 0, let metric else { return }
        Console.note("\(left) of \(set.jobs.count) jobs have no number under '\(metric)' there and are left out")
    }

    /// The metric of whose name the text is the beginning up to the encoder's digits, `X@dinov2` for one;
    /// else the text itself.
    private func name(_ text: String, _ overview: SweepOverview) throws -> String {
        guard text.contains("@") else { return text }
        let found = MetricName.complete(text, among: Set(overview.measures.map(\.metric)))
        guard found.count > 1 else { return found.first ?? text }
        throw CommandFailure(
            .usage, "\(sweep) has \(found.count) metrics '\(text)…': \(found.joined(separator: ", ")); name one of them"
        )
    }

    private func unknown(_ metric: String, _ overview: SweepOverview) -> CommandFailure {
        let (metrics, keys) = (Set(overview.measures.map(\.metric)).sorted(), overview.curves)
        if !metrics.contains(metric), let near = nearest(to: metric, among: metrics + keys) {
            return CommandFailure(.notFound, "\(sweep) has no values of '\(metric)'; did you mean '\(near)'?")
        }
        var there: [String] = []
        let own = metrics.filter { !MetricInfo.isReference($0) }
        if !own.isEmpty { there.append("its evaluations have \(own.joined(separator: ", "))") }
        if !keys.isEmpty { there.append("its curves are \(keys.joined(separator: ", "))") }
        if let prompts, metrics.contains(metric) { there.append("not all of them with prompts '\(prompts)'") }
        if let at, metrics.contains(metric) { there.append("not all of them \(at.text)") }
        let what = there.isEmpty ? "nothing was measured or logged there yet" : there.joined(separator: "; ")
        return CommandFailure(.notFound, "\(sweep) has no values of '\(metric)'; \(what)")
    }
}

/// `--at`.
enum TopPlace: Equatable, ExpressibleByArgument {
    case last
    case best
    case step(Int)
    case mean(Int)

    init?(argument: String) {
        switch argument {
        case "last": self = .last
        case "best": self = .best
        default:
            let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let number = Int(parts[1]) else { return nil }
            switch parts[0] {
            case "step" where number >= 0: self = .step(number)
            case "mean" where number >= 1: self = .mean(number)
            default: return nil
            }
        }
    }

    var checkpoints: SweepResultSet.CheckpointChoice {
        switch self {
        case .last: .last
        case .best: .best
        case .step(let step): .step(step)
        case .mean(let count): .meanOfLast(count)
        }
    }

    /// Of curves that were fetched so: one value a job, but for the best, which is one step of all seeds.
    var curveChoice: SweepResultSet.CheckpointChoice { self == .best ? .best : .last }

    var curve: SweepCurves.Place {
        switch self {
        case .last: .last
        case .best: .best
        case .step(let step): .step(step)
        case .mean(let count): .meanOfLast(count)
        }
    }

    var text: String {
        switch self {
        case .last: "at the last step"
        case .best: "at any step"
        case .step(let step): "at step \(step)"
        case .mean(let count): "in the last \(count) values"
        }
    }
}
