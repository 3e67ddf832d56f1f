import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

/// The columns that pages sort and filter by, against what the tables and views say.
@Suite("Jobs column by column")
struct JobColumnTests {
    private static let sources: [String: MeasuredSource] = [
        "loss": .curve("loss"), "fidelity": .result(metric: "paired_fidelity", prompts: "train"),
    ]

    private func job(_ name: String, _ values: [String: ParameterValue], seed: Int = 1) throws -> ResolvedJob {
        ResolvedJob(
            id: JobID(.of(name)), configuration: ConfigurationID(.of("\(values.sorted { $0.key < $1.key })")),
            sweep: try #require(SweepName("bench")), group: "g", trainer: .core, given: values, parameters: values,
            seed: seed)
    }

    /// The jobs as the table has them, and the newest values as the views have them.
    private func expectSame(_ columns: JobColumns, _ bench: LedgerBench) throws {
        let jobs = try bench.query(
            "SELECT identity, state, attempt, worker, failure, message, priority, updated, seed, id FROM job ORDER BY id"
        )
        func text(_ text: String?) -> QueryValue { text.map { .text($0) } ?? .null }
        #expect(columns.count == jobs.count)
        for (place, row) in jobs.enumerated() {
            let found: [QueryValue] = [
                .text(columns.ids[place].text), text(columns.states[place]), .integer(Int64(columns.attempts[place])),
                text(columns.workers[place]), text(columns.failures[place]), text(columns.messages[place]),
                .integer(columns.priorities[place]), .integer(columns.updated[place]), .integer(columns.seeds[place]),
                .integer(columns.rows[place]),
            ]
            #expect(found == row)
        }
        let views = [
            "loss": "SELECT job, value FROM latest_metrics WHERE key = 'loss' AND value IS NOT NULL",
            "fidelity": """
            SELECT r.job, r.value FROM results r WHERE r.class = '' AND r.metric = 'paired_fidelity' AND r.step = (
                SELECT max(q.step) FROM results q WHERE q.job = r.job AND q.metric = r.metric AND q.class = '')
            """,
        ]
        for (name, column) in columns.measured {
            let said = try bench.query(try #require(views[name]))
            let found = zip(columns.ids, column.values).filter { !$0.1.isNaN }.map {
                [QueryValue.text($0.0.text), .real($0.1)]
            }
            #expect(found.count == said.count && found.allSatisfy { said.contains($0) }, "\(name)")
        }
    }

    @Test("what changed is read as if all were, whatever happened in between")
    func changes() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch((0..<40).map { "job \($0)" }).changes.map(\.row)
        var columns = try await bench.ledger.jobColumns(sweep: "bench")
        for (name, source) in Self.sources {
            columns.add(try await bench.ledger.measured(source, of: columns), as: name)
        }
        try expectSame(columns, bench)
        let first = columns.reading
        func look() async throws {
            columns = try await bench.ledger.jobColumns(sweep: "bench", after: columns)
            try expectSame(columns, bench)
        }
        for worker in ["one", "two", "three"] { _ = try await bench.register(worker) }
        let token = try await bench.claim("one", rows[3]).token
        let failing = try await bench.claim("two", rows[8]).token
        let lost = try await bench.claim("three", rows[20]).token
        try await look()
        // What open attempts log is no event.
        _ = try await bench.metrics(token, first: 1, [1, 2], [0.5, 0.25])
        _ = try await bench.metrics(lost, first: 1, [1], [0.75])
        try await look()
        _ = try await bench.metrics(token, first: 3, [3, 4], [0.125, .nan])
        let result = EvaluationRow(
            checkpoint: "c", epoch: 1, step: 2, class: "", prompts: "train", metric: "paired_fidelity", value: 0.5, n: 1
        )
        #expect(try await bench.report("one", token, .evaluations(rows: [result], completed: ["c"])) == .accepted)
        try await look()
        var second = result
        (second.checkpoint, second.step, second.value) = ("d", 4, 0.25)
        #expect(try await bench.report("one", token, .evaluations(rows: [second], completed: ["d"])) == .accepted)
        #expect(try await bench.report("one", token, .finished(position: 4)) == .accepted)
        #expect(
            try await bench.report("two", failing, .failed(.crash, message: "CUDA error 7", exitCode: 1)) == .accepted)
        bench.now = WallTime(milliseconds: bench.now.milliseconds + 1000)
        _ = try await bench.expire(lost)
        try await look()
        _ = try await bench.ledger.writer.perform(SetPriority(target: "bench", priority: 7, now: bench.now))
        try await look()
        try await bench.launch((0..<45).map { "job \($0)" })
        try await look()
        #expect(columns.reading === first && columns.count == 45)
        _ = try await bench.ledger.writer.perform(
            ChangeJobs(action: .cancel, target: "bench", failure: nil, ledgerID: bench.ledger.id, now: bench.now))
        try await look()
        _ = try await bench.ledger.writer.perform(ReclaimSweep(sweep: "bench", action: .delete, now: bench.now))
        try await bench.launch(["job 1", "other"])
        try await look()
        #expect(columns.reading !== first && columns.count == 2)
    }

    @Test("a part of the jobs, and many of them, have the same values")
    func measured() async throws {
        let bench = try LedgerBench()
        let rows = try await bench.launch((0..<1200).map { "job \($0)" }).changes.map(\.row)
        _ = try await bench.register("one")
        for (place, row) in rows.enumerated() where place % 97 == 5 {
            let token = try await bench.claim("one", row).token
            _ = try await bench.metrics(token, first: 1, [1, 2], [1, Double(place)])
            #expect(try await bench.report("one", token, .finished(position: 2)) == .accepted)
        }
        var columns = try await bench.ledger.jobColumns(sweep: "bench")
        columns.add(try await bench.ledger.measured(.curve("loss"), of: columns), as: "loss")
        try expectSame(columns, bench)
        let part = try await bench.ledger.jobColumns(sweep: "bench", offset: 90, limit: 200)
        let values = try await bench.ledger.measured(.curve("loss"), of: part).values
        let whole = try #require(columns.measured["loss"]).values
        #expect(values.map { $0.isNaN ? -1 : $0 } == whole[90..<290].map { $0.isNaN ? -1 : $0 })
        #expect(part.rows == Array(columns.rows[90..<290]))
    }

    @Test("settings keep numbers, texts, gaps and what nests, and tell what is one for all")
    func settings() async throws {
        let bench = try LedgerBench()
        let settings: [[String: ParameterValue]] = [
            ["lr": .number(1e-4), "name": .text("a"), "all": .flag(true)],
            ["lr": .number(-2.5), "name": .text("b\"\\\n"), "all": .flag(true), "late": .number(3)],
            ["lr": .text("auto"), "name": .text("a"), "all": .flag(true), "blocks": .list([.number(1), .null])],
            ["lr": .number(1e-4), "name": .text("a"), "all": .flag(true)],
        ]
        try await bench.launch(try settings.enumerated().map { try job("s\($0)", $1, seed: $0 + 1) })
        let columns = try await bench.ledger.jobColumns(sweep: "bench")
        #expect(columns.settings.names == ["all", "blocks", "late", "lr", "name"])
        #expect(columns.settings.columns.filter(\.isConstant).map(\.name) == ["all"])
        // The first and the last are one configuration.
        #expect(columns.settings.count == 3 && columns.settings.groups[0] == columns.settings.groups[3])
        for (place, given) in settings.enumerated() {
            let group = Int(columns.settings.groups[place])
            for column in columns.settings.columns {
                let value: ParameterValue? =
                    switch column.cells {
                    case .same(let value): value
                    case .numbers(let numbers): numbers[group].isNaN ? .none : .some(.number(numbers[group]))
                    case .mixed(let codes, let values): codes[group] < 0 ? .none : values[Int(codes[group])]
                    }
                #expect(value == given[column.name], "\(column.name) of \(place)")
            }
        }
    }

    @Test("the digits of an id: their order, their beginnings, and what is no id")
    func digits() throws {
        let texts = (0..<50).map { JobID(.of("\($0)")).text }
        let ids = texts.compactMap { text in Array(text.utf8).withUnsafeBytes { JobDigits($0) } }
        #expect(ids.map(\.text) == texts)
        #expect(ids.sorted().map(\.text) == texts.sorted())
        for length in [1, 8, 15, 16, 17, 40, 64] {
            let prefix = String(texts[7].prefix(length))
            let range = try #require(JobDigits.range(prefix))
            #expect(ids.map { range.contains($0) } == texts.map { $0.hasPrefix(prefix) })
        }
        #expect(JobDigits.range("xyz") == nil && JobDigits.range(texts[0] + "0") == nil)
        #expect(Array("0123".utf8).withUnsafeBytes { JobDigits($0) } == nil)
    }
}
