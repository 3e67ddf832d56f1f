import ArgumentParser
import Ports
import SweepClient
import SweepModel
import SweepWire

struct QueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Ask the ledger in SQL (read-only).",
        discussion: CommandExamples.text(
            """
            Views: jobs, results, image_results, metrics, latest_metrics, checkpoints, members, artifacts \
            (docs/reference/ledger.md).
            """,
            [
                "radiata query \"SELECT state, count(*) FROM jobs GROUP BY state\"",
                "radiata query \"SELECT * FROM results\" --format csv > results.csv",
            ]))

    @Argument(help: "One SELECT statement.")
    var sql: String

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let answer = try await options.client().call(.query, QueryRequest(sql: sql), timeLimit: .seconds(120))
        Console.out(try TextTable(answer).rendered(as: output.format))
        if answer.isTruncated { Console.note("radiata: the answer was cut at \(answer.rows.count) rows; add a LIMIT") }
    }
}

extension TextTable {
    init(_ answer: QueryResponse) {
        self.init(columns: answer.columns, rows: answer.rows.map { $0.map(Cell.init) })
    }
}

extension TextTable.Cell {
    init(_ value: QueryValue) {
        switch value {
        case .null: self = .none
        case .integer(let integer): self = .integer(integer)
        case .real(let real): self = .number(real)
        case .text(let text): self = .text(text)
        case .blob(let bytes): self = .text("x'\(bytes.hexadecimal)'")
        }
    }
}
