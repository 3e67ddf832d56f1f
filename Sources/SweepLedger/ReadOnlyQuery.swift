package import SweepModel

/// The answer of a query, whole.
package struct QueryTable: Equatable, Sendable {
    package var columns: [String]
    package var rows: [[QueryValue]]
    /// Whether a limit cut the rows.
    package var isTruncated: Bool
}

/// A user's SQL: one reading statement over the public tables and views, in a process of its own with an
/// authorizer, a check of the pages that it opens, and limits that the kernel keeps (docs/decisions/0002).
package struct ReadOnlyQuery: Sendable {
    /// What may be read: the public tables and views (docs/reference/ledger.md). Secrets have tables of their
    /// own, which are not among them; nor are tokens, keys, stored answers, and what SQLite offers beside
    /// `sqlite_schema` and the JSON tables.
    private static let allowed = [
        "ledger", "sweep", "sweep_file", "configuration", "job", "member", "sweep_count", "attempt", "metric_key",
        "metric", "metric_bits", "checkpoint", "checkpoint_file", "evaluation", "evaluated", "artifact", "log_text",
        "log_line", "attempt_notice", "notices", "blob", "input", "input_file", "worker", "event", "quarantine",
        "sweep_stop", "worker_suspension", "worker_mark", "worker_core", "worker_gpu", "forgotten_worker", "span",
        "sweep_metric", "sweep_metrics", "stop_rule", "stop_decision", "evaluation_job", "confirmation",
        "prepare_job", "prepare_need", "edit_job", "oom_fallback", "epoch_key", "memory_class", "gpu_memory",
        "confirmation_choice", "confirmations", "job_origin", "origin_file", "origins", "sweep_archive",
        "removed_sweep", "removed_job", "sweep_tag", "job_tag", "tags", "sweep_note", "job_note", "notes",
        "sweep_budget", "attempt_price", "visible_checkpoint", "jobs", "members", "metrics", "latest_metrics",
        "checkpoints", "results", "image_results", "artifacts", "curve_summary", "measure", "result_mean",
        "sweep_curve", "sweep_measure", "evaluation_count", "stop_state", "protocol_wish", "protocol_result",
        "own_protocol", "visible_protocol_result", "sweep_results", "sweep_image_results", "sweep_cost",
        "sqlite_master", "sqlite_schema", "json_each", "json_tree",
    ]

    package var path: String
    /// Whether the table `audit` may be read.
    package var mayReadAudit = false
    /// Where processes started ahead are taken from; nil to start one.
    package var spares: QuerySpares?
    /// Most memory that its process may take.
    package var memory: Int64 = 256 << 20
    package var mostRows: Int
    package var mostBytes: Int
    /// Of one row; one value has at most 4 MiB.
    package var mostRowBytes = 8 << 20
    /// Time that it may compute. Time in which nobody takes its answer does not count.
    package var milliseconds: Int64

    package init(path: String, mostRows: Int = 100_000, mostBytes: Int = 64 << 20, milliseconds: Int64 = 10_000) {
        self.path = path
        self.mostRows = mostRows
        self.mostBytes = mostBytes
        self.milliseconds = milliseconds
    }

    var tables: [String] { Self.allowed + (mayReadAudit ? ["audit"] : []) }

    /// The whole answer. Blocks; call it off the cooperative threads.
    ///
    /// - Throws: `LedgerError` with code `query` and SQLite's message.
    package func run(_ sql: String) throws -> QueryTable {
        let process = try QueryProcess(self, sql)
        defer { process.close() }
        var table = QueryTable(columns: [], rows: [], isTruncated: false)
        while true {
            switch try process.next() {
            case .columns(let names): table.columns = names
            case .row(let cells): table.rows.append(cells)
            case .end(let isTruncated):
                table.isTruncated = isTruncated
                return table
            }
        }
    }
}
