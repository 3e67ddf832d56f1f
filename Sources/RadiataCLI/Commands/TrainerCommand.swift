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

/// What a worker starts beside its trainers, for programs that measure images and stay.
struct MetricHostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metric-host", abstract: "Keep the programs that measure a worker's images.",
        shouldDisplay: false)

    @Argument(help: "The socket to make.")
    var socket: String

    @Option(help: "Seconds without a question after which it ends.")
    var idle = 120.0

    func run() throws {
        let status = TrainerEntry.hostMetrics(socket: socket, idle: idle)
        if status != 0 { throw ExitCode(status) }
    }
}
