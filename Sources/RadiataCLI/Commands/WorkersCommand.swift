import ArgumentParser
import SweepClient
import SweepWire

struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "workers", abstract: "List workers.")

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        let workers = try await options.client().call(.workers, Nothing()).items
        if output.format == .json {
            Console.out(try JSONText.encode(workers))
        } else {
            Console.out(try StatusTables.workers(workers).rendered(as: output.format))
        }
    }
}

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let a worker finish politely and take nothing new.")

    @Argument(help: "Name or id of the worker.")
    var worker: String

    @Flag(help: "Let it take work again.")
    var undo = false

    @OptionGroup var options: ClientOptions

    func run() async throws {
        _ = try await options.client().call(.drain, DrainRequest(worker: worker, drain: !undo))
        Console.note(undo ? "\(worker) takes work again" : "\(worker) drains: it takes no new jobs")
    }
}
