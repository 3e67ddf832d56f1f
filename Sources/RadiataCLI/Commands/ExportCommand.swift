import ArgumentParser
import Foundation
import SweepClient
import SweepWire

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "All results of a sweep with the jobs' parameters, as CSV or JSON lines.")

    @Argument(help: "The sweep.")
    var sweep: String

    @Option(help: "csv or jsonl. DuckDB, pandas and Polars make Parquet of both.")
    var format = ExportRequest.Format.csv.rawValue

    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.")
    var output: String?

    @OptionGroup var options: ClientOptions

    private var wanted: ExportRequest.Format? { ExportRequest.Format(rawValue: format) }

    func validate() throws {
        if format == "parquet" {
            throw ValidationError(
                "--format parquet: there is none; write csv, then duckdb -c \"COPY (SELECT * FROM 'x.csv') TO 'x.parquet'\""
            )
        }
        guard wanted != nil else { throw ValidationError("--format \(format): wanted csv or jsonl") }
    }

    func run() async throws {
        let answer = try await options.client()
            .call(.export, ExportRequest(sweep: sweep, format: wanted ?? .csv), timeLimit: nil)
        guard let output else { return Console.write(answer.bytes) }
        try OutputFile.write(answer.bytes, to: output)
        Console.note("wrote \(output)")
    }
}
