import ArgumentParser
import Foundation
import SweepClient
import SweepWire

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "All results of a sweep with the jobs' parameters, as CSV or JSON lines.")

    @Argument(help: "The sweep.")
    var sweep: String

    @Option(help: "csv or jsonl.")
    var format: ExportRequest.Format = .csv

    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.")
    var output: String?

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let answer = try await options.client()
            .call(.export, ExportRequest(sweep: sweep, format: format), timeLimit: nil)
        guard let output else { return Console.write(answer.bytes) }
        try OutputFile.write(answer.bytes, to: output)
        Console.note("wrote \(output)")
    }
}

extension ExportRequest.Format: ExpressibleByArgument {}
