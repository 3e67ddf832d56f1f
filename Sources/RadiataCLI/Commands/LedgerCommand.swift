import ArgumentParser
import Ports
import SweepClient
import SweepLedger
import SweepWire

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Check, back up, restore and tidy a ledger.",
        subcommands: [Check.self, Backup.self, Restore.self, Collect.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Is everything in the ledger as it must be?")
        @OptionGroup var options: ClientOptions
        @OptionGroup var output: FormatOption
        @Option(help: "Look into this data folder instead of asking a coordinator; it may run meanwhile.")
        var data: String?

        func run() async throws {
            let answer: CheckResponse
            if let data {
                let found = try LedgerCheck.offline(folder: Paths.expanded(data))
                answer = CheckResponse(
                    sqlite: Ledger.sqliteVersion, findings: found.findings, notes: found.notes)
            } else {
                answer = try await options.client().call(.check, Nothing(), timeLimit: .seconds(6 * 3600))
            }
            // The status is the answer, whether or not the lines are read to the end.
            if !answer.findings.isEmpty { Console.statusWhenLeft(.failed) }
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
            let answer = try await options.client().call(.backup, Nothing(), timeLimit: .seconds(6 * 3600))
            Console.out("\(answer.path)  \(answer.bytes) bytes")
        }
    }

    struct Restore: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a backup in the place of the ledger of a coordinator that does not run.",
            discussion: """
                The ledger's epoch grows: what workers still report of the time after the backup is refused, and they are \
                told to stop it. Attempts that were open are lost, their jobs wait again. The old file is kept.
                """)
        @Argument(help: "A file made by `radiata ledger backup`.") var backup: String
        @Option(help: "The coordinator's data folder.") var data: String

        func run() throws {
            let (epoch, kept) = try Ledger.restore(backup: backup, to: Paths.expanded(data), now: SystemTime().wall())
            Console.out("restored \(backup); epoch \(epoch)")
            if let kept { Console.out("the ledger that was there is kept in \(kept)") }
        }
    }

    struct Collect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "gc", abstract: "Remove blobs that nothing refers to.")
        @OptionGroup var options: ClientOptions

        func run() async throws {
            let answer = try await options.client().call(.collect, Nothing(), timeLimit: .seconds(6 * 3600))
            Console.out("removed \(answer.removedBlobs) blobs, \(answer.removedBytes) bytes")
        }
    }
}
