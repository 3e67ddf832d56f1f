import ArgumentParser

/// For `make reference-pages` and `make dist`: not shown in the help, since a reader wants the page itself.
struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Print a generated part of docs/reference, or the manual page.",
        shouldDisplay: false)

    enum Part: String, ExpressibleByArgument, CaseIterable { case commands, parameters, manual }

    @Argument(help: "Which part: commands, parameters or manual.")
    var part: Part

    func run() {
        switch part {
        case .commands: Console.out(ReferencePage.commands.markdown)
        case .parameters: Console.out(ReferencePage.parameters.markdown)
        case .manual: Console.out(CommandReference.manual())
        }
    }
}
