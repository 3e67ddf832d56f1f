import ArgumentParser
import Foundation
import SweepClient
import SweepWire

struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "What a job's trainer printed (newest attempt).")

    @Argument(help: "Job id, or a unique beginning of at least 8 digits.")
    var job: String

    @Flag(name: .shortAndLong, help: "Follow until the attempt ends.")
    var follow = false

    @Option(help: "Another attempt than the newest.")
    var attempt: Int?

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let client = try options.client()
        var offset: UInt64 = 0
        while true {
            let page = try await client.call(
                .logs, LogRequest(job: job, attempt: attempt, offset: offset, waitSeconds: follow ? 20 : 0))
            Console.write(page.text)
            let isAtEnd = page.next == offset
            offset = page.next
            if page.isComplete && isAtEnd || (!follow && isAtEnd) { return }
        }
    }
}
