/// Everything a report shows.
package struct SweepReport: Sendable {
    /// One picture of one checkpoint.
    package struct Sheet: Sendable {
        package var job: String
        package var checkpoint: String
        package var step: Int
        package var png: [UInt8]

        package init(job: String, checkpoint: String, step: Int, png: [UInt8]) {
            self.job = job
            self.checkpoint = checkpoint
            self.step = step
            self.png = png
        }
    }

    package struct Query: Sendable {
        package var title: String
        package var sql: String

        package init(title: String, sql: String) {
            self.title = title
            self.sql = sql
        }
    }

    package var results: SweepResultSet
    package var sheets: [Sheet]
    package var queries: [Query]
    /// Name and value pairs for the head: base, data, time, machine.
    package var facts: [(name: String, value: String)]

    package init(
        results: SweepResultSet, sheets: [Sheet] = [], queries: [Query] = [],
        facts: [(name: String, value: String)] = []
    ) {
        self.results = results
        self.sheets = sheets
        self.queries = queries
        self.facts = facts
    }
}
