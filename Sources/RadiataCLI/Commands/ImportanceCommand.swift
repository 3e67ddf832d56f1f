import ArgumentParser
import RunSpec
import SweepAnalysis
import SweepClient

struct ImportanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "importance", abstract: "What mattered in a sweep, and which of the paper's findings it shows.",
        discussion: """
            Boosted trees over all checkpoints with the Shapley value of every feature, and how much they explain of \
            configurations they have not seen (needs libxgboost); for grids what each factor does and what pairs do together; \
            for sweeps that change one thing at a time each change against its baseline. Without --metric for every measure of \
            the rule. Intervals are 90 % over training seeds.
            """)

    @Argument(help: "The sweep.")
    var sweep: String
    @Option(help: "Metric or key of a curve, for example paired_fidelity or val_loss; those of the rule if left out.")
    var metric: String?
    @Option(help: "Prompt type; where the metric is usually read if left out.")
    var prompts: String?
    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func validate() throws {
        guard prompts == nil || metric != nil else { throw ValidationError("--prompts needs --metric") }
    }

    func run() async throws {
        let source = SweepResults(source: try options.client(), sweep: sweep)
        var set = try await source.fetch(isBrief: true)
        let curves = SweepCurves(source: source.source, sweep: sweep)
        let criteria = try await self.criteria(set, try await curves.keys())
        for criterion in criteria where criterion.prompts == nil {
            set.curves[criterion.metric] = try await curves.points(of: criterion.metric)
        }
        let found = set.importance(of: criteria)
        guard found.contains(where: { !$0.isEmpty }) || metric == nil else {
            throw CommandFailure(
                .notFound, "\(sweep) has too few values of '\(metric ?? "")', or its configurations do not differ")
        }
        let document = ImportanceDocument(sweep: sweep, found, set.paperStatements())
        switch output.format {
        case .json: Console.out(try JSONText.encode(document))
        case .csv: Console.out(try ImportanceTable(found).rendered(as: .csv))
        case .table: Console.out(ImportanceText(found, set.paperStatements()).text)
        }
    }

    private func criteria(_ set: SweepResultSet, _ curves: [String]) async throws -> [Criterion] {
        guard let metric else {
            let measures = Set(
                set.results.lazy.filter(\.class.isEmpty).map {
                    DecisionRule.Measure(metric: $0.metric, prompts: $0.prompts)
                })
            return DecisionRule.standard(measures: measures, curves: curves, declared: set.declared).criteria
        }
        var criterion = Criterion(metric, curves: [String](), declared: set.declared)
        let types = Set(set.results.lazy.filter { $0.metric == criterion.metric }.map(\.prompts))
        if let prompts {
            criterion.prompts = prompts
        } else if types.isEmpty {
            criterion = Criterion(metric, curves: curves, declared: set.declared)
        } else if !types.contains(criterion.prompts ?? "") {
            criterion.prompts = types.min()
        }
        return [criterion]
    }
}
