import ArgumentParser
import Foundation
import SweepClient
import SweepWire

struct OpenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open", abstract: "Open the coordinator's page in a browser: a link that lets in once.",
        discussion: "The link is printed; where there is a desktop, the browser opens it at once.")

    @Flag(help: "Only print the link.")
    var noBrowser = false

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    private struct Answer: Encodable {
        let version = 1
        let url: String
        let seconds: Double
    }

    func run() async throws {
        let client = try options.client()
        let link = try await client.call(.openLink, Nothing())
        let url = client.configuration.coordinator + link.path
        if output.format == .json {
            Console.out(try JSONText.encode(Answer(url: url, seconds: link.seconds)))
        } else {
            Console.out(url)
            Console.note("opens once, within \(Int(link.seconds / 60)) minutes")
        }
        if !noBrowser, let browser = Self.browser(ProcessInfo.processInfo.environment) {
            try Self.open(url, with: browser)
        }
    }

    /// The desktop's opener, where this is a desktop session and not a terminal of another machine.
    static func browser(_ environment: [String: String]) -> String? {
        let hasDesktop = ["DISPLAY", "WAYLAND_DISPLAY"].contains { !(environment[$0] ?? "").isEmpty }
        guard hasDesktop, environment["SSH_CONNECTION"] == nil else { return nil }
        return (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/xdg-open" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func open(_ url: String, with browser: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: browser)
        process.arguments = [url]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }
}
