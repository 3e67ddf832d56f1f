import SweepModel

extension SweepResultSet {
    /// How two measures go together over jobs.
    package struct MeasureCorrelation: Equatable, Sendable {
        package var pearson: Double
        package var spearman: Double
        /// Pairs behind it.
        package var count: Int
    }

    /// Over jobs, each by its last checkpoint (of curves, the last value up to it).
    ///
    /// - Returns: nil for fewer than three jobs with both, or where one of them does not vary.
    package func correlation(of first: Criterion, with second: Criterion) -> MeasureCorrelation? {
        let index = ResultIndex(self)
        let pairs = jobs.compactMap { job -> (Double, Double)? in
            let steps = index.steps[job.id] ?? []
            let logged = [first, second].compactMap { index.points($0.metric, job.id).last?.step }
            for step in (steps.isEmpty ? [logged.max()].compactMap { $0 } : steps.reversed()) {
                guard let x = index.value(first, job.id, step), let y = index.value(second, job.id, step),
                    x.isFinite, y.isFinite
                else { continue }
                return (x, y)
            }
            return nil
        }
        guard pairs.count > 2, let pearson = Correlation.pearson(pairs.map(\.0), pairs.map(\.1)),
            let spearman = Correlation.spearman(pairs.map(\.0), pairs.map(\.1))
        else { return nil }
        return MeasureCorrelation(pearson: pearson, spearman: spearman, count: pairs.count)
    }
}
