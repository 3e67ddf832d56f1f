import Foundation
import TestSupport
import Testing

/// Folders and numbers that cannot be used: a message with the remedy, never a crash.
@Suite("Unusable folders and numbers")
struct FolderTests {
    @Test("a data or work folder that cannot be used is named, with the option that names another")
    func unusable() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("file", "text")
        for path in ["/proc/x", "/proc/x/y", "/dev/null", "/dev/null/x", file, file + "/x"] {
            for (command, option) in [
                (["coordinator", "run", "--listen", "127.0.0.1:0"], "--data"),
                (["worker", "run", "--coordinator", "http://127.0.0.1:9"], "--work"),
            ] {
                let ended = try RadiataProgram.run(command + [option, path])
                #expect(ended.status == 2, "\(path): \(ended)")
                #expect(
                    ended.messages.contains("\(option) \(path)") && ended.messages.contains("give a folder"), "\(ended)"
                )
                #expect(!ended.messages.contains("Fatal") && !ended.messages.contains("crash"), "\(ended)")
            }
        }
    }

    @Test("default folders follow HOME and the XDG variables")
    func home() throws {
        let folder = try TemporaryFolder()
        let home = folder.path + "/home"
        let data = try #require(try Self.folder(in: Self.startedLine(["HOME": home]), home))
        #expect(data == home + "/.local/share/radiata")
        let moved = try Self.startedLine(["HOME": home, "XDG_DATA_HOME": folder.path + "/xdg"])
        #expect(moved.contains("data=\(folder.path)/xdg/radiata"), "\(moved)")
    }

    @Test("an IPv6 address is listened on, and the address that is printed has its brackets")
    func listening() throws {
        let folder = try TemporaryFolder()
        for (listen, host) in [("[::1]:0", "[::1]"), ("localhost:0", "localhost"), ("127.0.0.1:0", "127.0.0.1")] {
            let line = try Self.startedLine(
                ["HOME": folder.path], ["--listen", listen, "--data", folder.path + "/\(host.count)"])
            #expect(line.contains("url=http://\(host):"), "\(line)")
        }
        for listen in ["7070", ":7070", "[::1]", "no.such.host.invalid:0"] {
            let ended = try RadiataProgram.run([
                "coordinator", "run", "--insecure-lan", "--listen", listen, "--data", folder.path + "/r",
            ])
            #expect(ended.status == 2 || listen.hasPrefix("no.such") && ended.status == 1, "\(listen): \(ended)")
            #expect(ended.messages.contains("--listen"), "\(listen): \(ended)")
        }
    }

    @Test(
        "numbers far outside are refused",
        arguments: [
            ["coordinator", "run", "--listen", "127.0.0.1:0", "--lease", "1e300h"],
            ["coordinator", "run", "--listen", "127.0.0.1:0", "--lease", "nanh"],
            ["coordinator", "run", "--listen", "127.0.0.1:0", "--refused-tokens", "-1"],
            ["worker", "run", "--threads", "0"], ["worker", "run", "--slots", "99999999999"],
            ["bench", "gemm", "--size", "0"], ["bench", "gemm", "--size", "-5"], ["bench", "step", "--dim", "0"],
            ["bench", "step", "--steps", "0"], ["bench", "step", "--batch", "-1"], ["bench", "step", "--latent", "0"],
            ["bench", "idle", "--seconds", "1e300"], ["bench", "idle", "--seconds", "nan"],
            ["logs", "x", "--attempt", "0"],
            ["token", "create", "--scope", "read", "--days", "1e300"],
            ["token", "create", "--scope", "read", "--days", "nan"],
            [
                "data", "folder", "--source", "s", "--out", "o", "--name", "1_a", "--trigger", "t", "--class", "c",
                "--size", "0",
            ],
            ["pretrain", "--out", "o", "--work", "w", "--save-every", "0"],
            ["evaluate", "--base", "b", "--data", "d", "--adapter", "a", "--out", "o", "--images", "0"],
            ["evaluate", "--base", "b", "--data", "d", "--adapter", "a", "--out", "o", "--steps", "0"],
        ])
    func numbers(arguments: [String]) throws {
        let ended = try RadiataProgram.run(arguments)
        #expect(ended.status == 2, "\(arguments): \(ended)")
        #expect(!ended.messages.contains("Fatal") && !ended.messages.contains("crash"), "\(ended)")
    }

    /// The line of a coordinator that serves, with what it was told.
    private static func startedLine(
        _ environment: [String: String], _ arguments: [String] = ["--listen", "127.0.0.1:0"]
    )
        throws -> String
    {
        let folder = try TemporaryFolder()
        let log = folder.path + "/log"
        var all = environment
        if all["XDG_DATA_HOME"] == nil { all["XDG_DATA_HOME"] = "" }
        let process = try RadiataProgram.start(
            ["coordinator", "run"] + arguments, output: folder.path + "/out", messages: log, environment: all)
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        let end = Date(timeIntervalSinceNow: 60)
        while Date() < end {
            let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
            if let line = lines.first(where: { $0.contains("listening") }) { return String(line) }
            if !process.isRunning { break }
            usleep(50_000)
        }
        Issue.record("it did not start: \(try String(contentsOfFile: log, encoding: .utf8))")
        return ""
    }

    private static func folder(in line: String, _ home: String) throws -> String? {
        line.split(separator: " ").first { $0.hasPrefix("data=") }.map { String($0.dropFirst(5)) }
    }
}
