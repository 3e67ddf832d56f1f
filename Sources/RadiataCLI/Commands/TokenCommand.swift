import ArgumentParser
import Glibc
import Ports
import SweepClient
import SweepModel
import SweepWire

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Access tokens of the coordinator.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token; it is shown once, the ledger keeps a hash.")

        @Option(help: "What it may do: \(TokenScope.allCases.map(\.rawValue).joined(separator: ", ")).")
        var scope: TokenScope

        @Option(help: "Whose it is, for people.")
        var note: String = ""

        @Option(help: "Days until it expires; never if left out.")
        var days: Double?

        @OptionGroup var options: ClientOptions

        func validate() throws {
            if let days, !(days > 0 && days <= 36_500) {
                throw ValidationError("--days \(days): wanted above 0, at most 36500")
            }
        }

        func run() async throws {
            let answer = try await options.client()
                .call(.createToken, TokenRequest(scope: scope, note: note, lifetime: days.map { $0 * 86_400 }))
            SecretFile.narrow(output: STDOUT_FILENO)
            Console.note("token \(answer.id), scope \(scope.rawValue); keep the next line, it is shown only now")
            Console.out(answer.token)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List tokens, without their secrets.")
        @OptionGroup var options: ClientOptions
        @OptionGroup var output: FormatOption

        func run() async throws {
            let tokens = try await options.client().call(.tokens, Nothing()).items
            if output.format == .json {
                Console.out(try JSONText.encode(tokens))
                return
            }
            var table = TextTable(columns: ["id", "scope", "note", "created", "expires", "revoked"])
            table.rows = tokens.map {
                [
                    .text($0.id), .text($0.scope.rawValue), .text($0.note), .text(TimeText.local($0.created)),
                    .text($0.expires.map(TimeText.local) ?? "never"), .text($0.isRevoked ? "yes" : ""),
                ]
            }
            Console.out(try table.rendered(as: output.format))
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a token, effective at once.")
        @Argument(help: "The token's id.")
        var id: String
        @OptionGroup var options: ClientOptions

        func run() async throws {
            _ = try await options.client().call(.revokeToken, RevokeRequest(id: id))
            Console.note("token \(id) revoked")
        }
    }
}

extension TokenScope: ExpressibleByArgument {}
