import ArgumentParser
import SweepClient
import SweepWire

struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "List workers, or forget one that is gone.",
        subcommands: [ListWorkersCommand.self, ForgetWorkerCommand.self], defaultSubcommand: ListWorkersCommand.self)
}

struct ForgetWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Remove a worker that is gone. Its name stays in the history of attempts.",
        discussion:
            "Refused while it is connected or holds jobs. Workers silent for a week are forgotten by themselves.")

    @Argument(help: "Id of the worker (the first 8 digits), or its name if only one has it.")
    var worker: String

    @OptionGroup var options: ClientOptions

    func run() async throws {
        _ = try await options.client().call(.forget, ForgetRequest(worker: worker))
        Console.note("\(worker) is forgotten")
    }
}

struct ListWorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List workers.")

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let workers = try await options.client().call(.workers, Nothing()).items
        if output.format == .json {
            Console.out(try JSONText.encode(workers))
        } else {
            Console.out(try StatusTables.workers(workers).rendered(as: output.format))
            if output.format == .table { StatusTables.explain(workers) }
        }
    }
}

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let a worker finish politely and take nothing new.")

    @Argument(help: "Id of the worker (the first 8 digits), or its name if only one has it.")
    var worker: String

    @Flag(help: "Let it take work again, also one that is suspended.")
    var undo = false

    @OptionGroup var options: ClientOptions

    func run() async throws {
        _ = try await options.client().call(.drain, DrainRequest(worker: worker, drain: !undo))
        Console.note(undo ? "\(worker) takes work again" : "\(worker) drains: it takes no new jobs")
    }
}
