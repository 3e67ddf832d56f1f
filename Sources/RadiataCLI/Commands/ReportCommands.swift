import ArgumentParser

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "One HTML file: the answer in words, intervals, curves, pictures, costs.",
        discussion: CommandExamples.text([
            "radiata report mine -o mine.html",
            "radiata report mine -o mine.html --originals",
        ]))

    @Argument(help: "The sweep.")
    var sweep: String
    @Option(name: .shortAndLong, help: "The file to write.")
    var output: String
    @Flag(help: "Save the pictures as they are in a folder beside the file, and link them.")
    var originals = false
    @OptionGroup var options: ClientOptions

    func validate() throws {
        guard output != "-" || !originals else {
            throw ValidationError("--originals needs a file to lie beside; give one with -o")
        }
    }

    func run() async throws {
        try await ReportWriter(client: try options.client(), sweep: sweep, savesOriginals: originals)
            .write(to: output)
        Console.note("wrote \(output)")
    }
}
