import ArgumentParser
import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire

struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Let another machine join: one line for `radiata worker run`.",
        discussion: """
            The line holds the coordinator's addresses, the fingerprint of its certificate authority, and a code that lets in one \
            machine, once, before it runs out. That machine exchanges it for a token of its own; `radiata workers forget` ends \
            that token.
            """)

    @Option(help: "How long it may be used: 30m, 1h, 2d; at most 31 days.")
    var lifetime: TimeLength = TimeLength(.seconds(3600))

    @Option(
        help:
            "A name or address of the coordinator for the other machine to try first, with a port or without. Repeatable."
    )
    var address: [String] = []

    @Option(help: "Whom it is for, for people.")
    var note: String = ""

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    private struct Answer: Encodable {
        let version = 1
        let invitation: String
        let addresses: [String]
        let expires: Int64
    }

    func validate() throws {
        guard lifetime.duration > .zero, lifetime.duration.inSeconds <= WireLimit.inviteSeconds else {
            throw ValidationError("--lifetime: wanted above 0, at most 31 days")
        }
        for text in address where HostAndPort(text) == nil {
            throw ValidationError("--address \(text): wanted a host's name or address, with a port or without")
        }
    }

    func run() async throws {
        let client = try options.client()
        let (invitation, answer) = try await Self.make(
            client, lifetime: lifetime.duration, note: note, addresses: address)
        if output.format == .json {
            Console.out(
                try JSONText.encode(
                    Answer(invitation: invitation.text, addresses: invitation.addresses, expires: answer.expires)))
            return
        }
        SecretFile.narrow(output: STDOUT_FILENO)
        Console.note(
            "on the other machine, once, before \(TimeText.local(answer.expires)): radiata worker run INVITATION")
        if answer.isLoopback {
            Console.note(
                "warning: this coordinator listens on this machine alone; others reach it only if it runs with --listen 0.0.0.0:PORT"
            )
        }
        Console.out(invitation.text)
    }

    /// - Parameter addresses: tried before those that the coordinator knows of.
    static func make(
        _ client: SweepClient, lifetime: Duration, note: String, addresses: [String] = []
    ) async throws -> (Invitation, InviteResponse) {
        let answer = try await client.call(.invite, InviteRequest(note: note, lifetime: lifetime.inSeconds))
        guard let code = EnrolmentCode(answer.code) else {
            throw CommandFailure(.failed, "the coordinator's answer holds no code; is it of another version?")
        }
        let own = client.address
        let scheme = own.hasPrefix("https:") ? "https" : "http"
        let port = HostAndPort(String(own.dropFirst(scheme.utf8.count + 3)))?.port ?? (scheme == "https" ? 443 : 80)
        let told = addresses.compactMap { HostAndPort($0) }.map {
            "\(scheme)://\($0.host.urlText):\($0.port ?? port)"
        }
        let others = answer.addresses.isEmpty ? [own] : answer.addresses
        return (
            Invitation(
                addresses: told + others.filter { !told.contains($0) },
                authority: answer.authority.flatMap { ContentDigest($0) }, code: code), answer
        )
    }
}
