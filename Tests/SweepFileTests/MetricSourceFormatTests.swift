import SweepFile
import SweepModel
import Testing

@Suite("Metric sources in a sweep file")
struct MetricSourceFormatTests {
    private func sweep(_ metrics: String) throws -> SweepFile {
        try read(
            """
            name: t
            trainer: { command: [train], metrics: [ \(metrics) ] }
            groups: [ { list: [ { lr: 1 } ] } ]
            """)
    }

    private func source(_ metrics: String) throws -> CommandTrainer.MetricSource {
        try #require(try sweep(metrics).definition.trainer.command?.metrics.first)
    }

    @Test("every kind, with its step, base, map, epochs, table and pattern")
    func kinds() throws {
        var events = CommandTrainer.MetricSource(kind: .tfevents, path: "{out}/logs")
        #expect(try source("{ tfevents: '{out}/logs' }") == events)
        #expect(try source("{ tfevents: '{out}/logs', step: global }") == events)
        (events.base, events.map, events.epochs) = (.attempt, ["loss/average": "loss", "norm": ""], ["a", "b"])
        #expect(
            try source(
                "{ tfevents: '{out}/logs', step: {base: attempt}, map: {loss/average: loss, norm: null}, epochs: [a, b] }"
            )
                == events)
        var lines = CommandTrainer.MetricSource(kind: .jsonl, path: "m", step: "it")
        lines.base = .attempt
        #expect(try source("{ jsonl: m, step: { key: it, base: attempt } }") == lines)
        #expect(try source("{ csv: m, step: it }") == .init(kind: .csv, path: "m", step: "it"))
        #expect(try source("{ wandb: w, step: global }") == .init(kind: .wandb, path: "w"))
        #expect(try source("{ wandb: w, step: it }") == .init(kind: .wandb, path: "w", step: "it"))
        var table = CommandTrainer.MetricSource(kind: .sqlite, path: "l.db")
        table.table = "log"
        #expect(try source("{ sqlite: l.db, table: log }") == table)
        let pattern = "(?<step>[0-9]{1,9}) (?<a_b>.+)"
        #expect(try source("{ stdout: '\(pattern)' }") == .init(kind: .stdout, path: "", pattern: pattern))
    }

    @Test(
        "what cannot be meant is refused with the remedy",
        arguments: [
            ("{ step: x }", "needs one of 'jsonl', 'csv', 'tfevents', 'sqlite', 'wandb', 'stdout'"),
            ("{ jsonl: a, csv: b }", "has 'jsonl' and 'csv'; write two entries"),
            ("{ jsnol: a }", "did you mean 'jsonl'"),
            ("{ tfevents: a, step: epoch }", "wanted 'global' or {base: attempt}"),
            ("{ jsonl: a, step: {base: epoch} }", "step.base is 'epoch'"),
            ("{ csv: a, epochs: [x] }", "'epochs' is for tfevents"), ("{ csv: a, table: x }", "'table' is for sqlite"),
            ("{ stdout: 'loss (?<loss>.*)' }", "no group for the step"),
            ("{ stdout: '(?<step>.*)' }", "no group for a number"),
            ("{ stdout: '(?<step>(' }", "is no regular expression"), ("{ csv: a, map: {x: [y]} }", "map.x is a list"),
        ])
    func refused(entry: String, message: String) {
        let error = #expect(throws: SweepFileError.self) { try sweep(entry) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        #expect(error?.faults.count == 1)
    }

    @Test("a job's id changes with what is read, not with what is left at its default")
    func identity() throws {
        func id(_ metrics: String) throws -> String { try #require(try sweep(metrics).plan.jobs.first).id.text }
        let plain = try id("{ tfevents: a }")
        #expect(try id("{ tfevents: a, step: global }") == plain)
        #expect(try id("{ tfevents: a, map: {} }") == plain)
        let others = try [
            "{ tfevents: a, step: {base: attempt} }", "{ tfevents: a, map: {x: y} }", "{ tfevents: a, epochs: [] }",
            "{ wandb: a }",
        ].map(id)
        #expect(Set(others + [plain]).count == 5)
    }
}
