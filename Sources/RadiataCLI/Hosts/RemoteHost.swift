import Foundation
import Ports

/// A host, reached by the user's own OpenSSH: its names, keys, jumps and agents are those of `~/.ssh/config`.
struct RemoteHost: Sendable {
    let name: String

    /// `RADIATA_SSH` names another program, with options if need be.
    private static var ssh: [String] {
        let named = ProcessInfo.processInfo.environment["RADIATA_SSH"] ?? ""
        let words = named.split(separator: " ").map(String.init)
        return words.isEmpty ? ["ssh"] : words
    }

    /// No question is asked that nobody would see.
    private static let options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=15"]

    /// Runs a script there. Blocks.
    ///
    /// - Returns: what it printed.
    /// - Throws: `CommandFailure` with ssh's words, or the script's.
    @discardableResult
    func run(_ script: String, what: String) throws -> String {
        try ended(try Self.start(Self.options + [name, "sh -s"], input: script), what)
    }

    /// Runs a command there, with a file on its standard input. Blocks.
    func send(_ file: FileHandle, to command: String, what: String) throws {
        _ = try ended(try Self.start(Self.options + [name, command], file: file), what)
    }

    private static func start(_ arguments: [String], input: String = "", file: FileHandle? = nil) throws
        -> ProgramRun.Ended
    {
        do {
            return try ProgramRun.run(ssh[0], Array(ssh.dropFirst()) + arguments, input: input, file: file)
        } catch let error as ProgramRun.NotFound {
            throw CommandFailure(.failed, "\(error.program) is not here; install OpenSSH's client")
        }
    }

    private func ended(_ ended: ProgramRun.Ended, _ what: String) throws -> String {
        guard ended.status == 0 else {
            let words = ended.messages.isEmpty ? ended.output : ended.messages
            let reason = words.split(separator: "\n").suffix(3).joined(separator: "; ")
            let hint = ended.status == 255 ? "; does `ssh \(name) true` work without a question?" : ""
            throw CommandFailure(.failed, "\(name): \(what) failed: \(reason)\(hint)")
        }
        return ended.output
    }

    // MARK: The coordinator through this connection

    private func tunnelFile(_ state: String) -> String { "\(state)/tunnels/\(name.replacing("/", with: "_"))" }

    /// Starts a process that holds a port of the host open towards a port of this machine, and takes it up
    /// again when the connection breaks. It stays after this program.
    func openTunnel(from port: Int, to own: Int, state: String) throws {
        closeTunnel(state: state)
        try DiskFiles().makeFolder(state + "/tunnels", mode: 0o700)
        let command =
            (Self.ssh + Self.options).map(ShellWord.quoted).joined(separator: " ")
            + " -o ExitOnForwardFailure=yes -o ServerAliveInterval=15 -o ServerAliveCountMax=3 -N "
            + "-R 127.0.0.1:\(port):127.0.0.1:\(own) \(ShellWord.quoted(name))"
        let script = """
            echo $$ > \(ShellWord.quoted(tunnelFile(state)))
            while :; do \(command); sleep 5; done
            """
        let log = tunnelFile(state) + ".log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/setsid")
        process.arguments = ["sh", "-c", script]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: log) ?? .nullDevice
        try process.run()
    }

    /// Ends it, if there is one.
    func closeTunnel(state: String) {
        let path = tunnelFile(state)
        guard let text = FileManager.default.contents(atPath: path),
            let pid = Int32(String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)),
            let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
            String(decoding: command, as: UTF8.self).contains(path)
        else { return }
        // The group: the shell and its ssh. They were started with signals blocked, as all that threads of a
        // pool start.
        kill(-pid, SIGKILL)
        unlink(path)
    }
}
