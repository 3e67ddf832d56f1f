import ArgumentParser
import WorkerTrainer

/// What a worker starts as a child process. Nobody else needs it: people give `radiata train` a sweep file.
struct TrainerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trainer", abstract: "Run the tasks that a worker wrote, one after another.",
        shouldDisplay: false)

    @Argument(help: "Files with one task each, as JSON.")
    var tasks: [String]

    @OptionGroup var machine: MachineOptions

    func run() throws {
        let status = TrainerEntry.run(tasks: tasks, threads: machine.count)
        if status != 0 { throw ExitCode(status) }
    }
}
