import Foundation
import Glibc
import TestSupport
import Testing

/// A real sshd on a port of the loopback. Who logs in lands in a home of his own: a second "machine".
final class SSHServer {
    let folder: TemporaryFolder
    let port: Int
    /// The home that sessions have there.
    let home: String
    /// ssh, with a configuration of its own in which the machine is called `box`.
    var ssh: String { "ssh -F \(folder.path)/ssh_config" }

    /// Whether what takes minutes is to be run too: `make machines`.
    static let isWhole = ProcessInfo.processInfo.environment["RADIATA_MACHINES"] == "1"

    /// Why there is none on this machine; nil if there can be one. `.ci/install-packages` brings what it
    /// needs.
    static let refusal: String? = {
        guard geteuid() == 0 else { return "a server for other machines needs root" }
        for path in ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen"] where access(path, X_OK) != 0 {
            return "\(path) is not installed"
        }
        do {
            let server = try SSHServer()
            try run("/usr/bin/ssh", ["-F", server.folder.path + "/ssh_config", "-o", "BatchMode=yes", "box", "true"])
            return nil
        } catch {
            return "sshd does not run here: \(error)"
        }
    }()

    static var isPossible: Bool { isWhole || refusal == nil }

    struct Failed: Error { let program: String, status: Int32 }

    private var pidFile: String { folder.path + "/sshd.pid" }

    init() throws {
        folder = try TemporaryFolder()
        port = try House.freePort()
        home = folder.path + "/home"
        let path = folder.path
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        for key in ["host", "user"] {
            try Self.run("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", "\(path)/\(key)"])
        }
        // Another home, and no systemd of a user: what most containers and clusters look like.
        _ = try folder.write(
            "sshd_config",
            """
            ListenAddress 127.0.0.1
            Port \(port)
            HostKey \(path)/host
            AuthorizedKeysFile \(path)/user.pub
            StrictModes no
            UsePAM no
            PidFile \(pidFile)
            PermitRootLogin yes
            ForceCommand \(path)/forced
            """)
        _ = try folder.write(
            "forced",
            """
            #!/bin/sh
            export HOME=\(home) XDG_RUNTIME_DIR=\(path)/none
            unset XDG_STATE_HOME XDG_CACHE_HOME RADIATA_COORDINATOR
            cd "$HOME" || exit 1
            exec sh -c "$SSH_ORIGINAL_COMMAND"
            """, executable: true)
        _ = try folder.write(
            "ssh_config",
            """
            Host box
                HostName 127.0.0.1
                Port \(port)
                User root
                IdentityFile \(path)/user
                IdentitiesOnly yes
                StrictHostKeyChecking no
                UserKnownHostsFile /dev/null
                LogLevel ERROR
            """)
        try Self.run("/usr/sbin/sshd", ["-f", "\(path)/sshd_config", "-E", "\(path)/sshd.log"])
    }

    deinit {
        // What a test that failed left there.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
                String(decoding: line, as: UTF8.self).contains(home)
            else { continue }
            kill(pid, SIGKILL)
        }
        guard let text = FileManager.default.contents(atPath: pidFile),
            let pid = Int32(String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        else { return }
        kill(pid, SIGTERM)
    }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failed(program: program, status: process.terminationStatus)
        }
    }
}
