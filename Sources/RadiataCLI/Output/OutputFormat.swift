import ArgumentParser

/// How a command prints rows: for people, for scripts, for spreadsheets.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json, csv
}

struct FormatOption: ParsableArguments {
    @Option(help: "How to print: table, json or csv.")
    var format: OutputFormat = .table
}
