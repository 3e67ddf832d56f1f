/// Everything a report shows.
package struct SweepReport: Sendable {
    package struct Query: Sendable {
        package var title: String
        package var sql: String

        package init(title: String, sql: String) {
            self.title = title
            self.sql = sql
        }
    }

    /// How long one attempt of a job took.
    package struct AttemptTime: Equatable, Sendable {
        package var job: String
        package var number: Int
        /// Milliseconds since 1970.
        package var started: Int64
        /// nil while it runs.
        package var ended: Int64?
        package var outcome: String?
        /// Where it went on; 0 for the beginning.
        package var resumedStep: Int

        package init(
            job: String, number: Int, started: Int64, ended: Int64?, outcome: String?, resumedStep: Int
        ) {
            self.job = job
            self.number = number
            self.started = started
            self.ended = ended
            self.outcome = outcome
            self.resumedStep = resumedStep
        }
    }

    package var results: SweepResultSet
    package var answer: SweepAnswer
    /// What mattered for the measures of the rule.
    package var importance: [Importance]
    package var pictures: [ReportPicture]
    package var attempts: [AttemptTime]
    package var queries: [Query]
    /// Name and value pairs for the head: base, data, time, machine.
    package var facts: [(name: String, value: String)]

    /// - Parameters:
    ///   - answer: nil to have it worked out from the results.
    ///   - importance: likewise.
    package init(
        results: SweepResultSet, answer: SweepAnswer? = nil, importance: [Importance]? = nil,
        pictures: [ReportPicture] = [],
        attempts: [AttemptTime] = [], queries: [Query] = [], facts: [(name: String, value: String)] = []
    ) {
        self.results = results
        let answer = answer ?? results.answer()
        self.answer = answer
        self.importance = importance ?? results.importance(of: answer.rule.criteria)
        self.pictures = pictures
        self.attempts = attempts
        self.queries = queries
        self.facts = facts
    }
}
