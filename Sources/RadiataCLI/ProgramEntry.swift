import ArgumentParser
import Foundation
import Ports
import SweepClient
import SweepWire

/// The program's only entry: parses, runs, and maps every failure to one message and one exit code.
package enum ProgramEntry {
    package static func run() async {
        StandardStream.occupy()
        // A write to a pipe nobody reads is an error like any other, and `Console` knows what it means.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try RadiataCommand.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            leave(report(error))
        }
        leave(ExitStatus.done.rawValue)
    }

    /// Without exit handlers: OpenSSL's frees what a connection still uses that is being closed on another
    /// thread.
    private static func leave(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }

    /// Prints the failure and gives its exit code.
    private static func report(_ error: any Error) -> Int32 {
        switch error {
        case let failure as CommandFailure:
            if !failure.description.isEmpty { Console.note("radiata: \(failure.description)") }
            return failure.status.rawValue
        case let failure as ClientError:
            Console.note("radiata: \(failure.message)")
            return ExitStatus(of: failure).rawValue
        case let code as ExitCode:
            return code.rawValue == ExitCode.validationFailure.rawValue ? ExitStatus.usage.rawValue : code.rawValue
        default:
            break
        }
        let code = RadiataCommand.exitCode(for: error)
        // ArgumentParser's own failures carry help text; everything else is one line.
        if code == .validationFailure || code == .success {
            let text = RadiataCommand.fullMessage(for: error)
            if code == .success { Console.out(text) } else { Console.note(text) }
            return code == .success ? ExitStatus.done.rawValue : ExitStatus.usage.rawValue
        }
        Console.note("radiata: \(error)")
        return ExitStatus.failed.rawValue
    }
}

extension ExitStatus {
    init(of error: ClientError) {
        switch error.code {
        case .unreachable: self = .unreachable
        case .refused(.notFound): self = .notFound
        case .refused(.badRequest), .local: self = .usage
        default: self = .failed
        }
    }
}
