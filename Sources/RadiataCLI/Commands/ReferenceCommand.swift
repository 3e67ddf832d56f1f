import ArgumentParser

/// For `make reference-pages`: not shown in the help, since a reader wants the page itself.
struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Print a generated part of docs/reference.", shouldDisplay: false)

    @Argument(help: "Which part: commands or parameters.")
    var page: ReferencePage

    func run() { Console.out(page.markdown) }
}

extension ReferencePage: ExpressibleByArgument {}
