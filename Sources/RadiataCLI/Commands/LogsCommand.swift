import ArgumentParser
import Foundation
import SweepClient
import SweepModel
import SweepWire

struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "What a job's trainer printed (newest attempt).",
        discussion: CommandExamples.text([
            "radiata logs 3f2a91c0",
            "radiata logs 3f2a91c0 -f",
        ]))

    @Argument(help: "Job id, or a unique beginning of at least 8 digits.")
    var job: String

    @Flag(name: .shortAndLong, help: "Follow until the attempt ends.")
    var follow = false

    @Option(help: "Another attempt than the newest.")
    var attempt: Int?

    @OptionGroup var options: ClientOptions

    func validate() throws {
        if let attempt, attempt < 1 { throw ValidationError("--attempt \(attempt): wanted at least 1") }
    }

    func run() async throws {
        let client = try options.client()
        var offset: UInt64 = 0
        var shown: String?
        while true {
            let page = try await client.call(
                .logs, LogRequest(job: job, attempt: attempt, offset: offset, waitSeconds: follow ? 20 : 0))
            let isAtEnd = page.next == offset
            let isLast = page.isComplete && isAtEnd || (!follow && isAtEnd)
            offset = page.next
            if shown != nil, shown != page.line || !page.text.isEmpty || isLast {
                Console.rewrite("")
                shown = nil
            }
            Console.write(page.text)
            // A line that is not ended yet is rewritten in place on a terminal; results get it once, when
            // nothing follows.
            if let line = page.line {
                if isLast {
                    Console.out(line)
                } else if follow, Console.isTerminal, shown == nil {
                    Console.rewrite(Console.visible(line))
                    shown = line
                }
            }
            if isLast { return }
        }
    }
}
