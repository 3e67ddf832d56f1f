import ArgumentParser

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "One HTML file: results, floor and ceiling, pictures, queries.")

    @Argument(help: "The sweep.")
    var sweep: String
    @Option(name: .shortAndLong, help: "The file to write.")
    var output: String
    @OptionGroup var options: ClientOptions

    func run() async throws {
        try await ReportWriter(client: try options.client(), sweep: sweep).write(to: output)
        Console.note("wrote \(output)")
    }
}
