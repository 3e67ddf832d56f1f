import ArgumentParser
import SweepClient
import SweepWire

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Check, back up and tidy the ledger of a running coordinator.",
        subcommands: [Check.self, Backup.self, Collect.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Is everything in the ledger as it must be?")
        @OptionGroup var options: ClientOptions
        @OptionGroup var output: FormatOption

        func run() async throws {
            let answer = try await options.client().call(.check, Nothing(), timeLimit: nil)
            if output.format == .json {
                Console.out(try JSONText.encode(answer))
            } else {
                Console.out("SQLite \(answer.sqlite)")
                for note in answer.notes { Console.out("note: \(note)") }
                for finding in answer.findings { Console.out("WRONG: \(finding)") }
                if answer.findings.isEmpty { Console.out("nothing is wrong") }
            }
            if !answer.findings.isEmpty { throw CommandFailure(.failed, "\(answer.findings.count) findings") }
        }
    }

    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A consistent, checked copy beside the ledger.")
        @OptionGroup var options: ClientOptions

        func run() async throws {
            let answer = try await options.client().call(.backup, Nothing(), timeLimit: nil)
            Console.out("\(answer.path)  \(answer.bytes) bytes")
        }
    }

    struct Collect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gc", abstract: "Remove blobs that nothing refers to.")
        @OptionGroup var options: ClientOptions

        func run() async throws {
            let answer = try await options.client().call(.collect, Nothing(), timeLimit: nil)
            Console.out("removed \(answer.removedBlobs) blobs, \(answer.removedBytes) bytes")
        }
    }
}
