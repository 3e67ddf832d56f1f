import Foundation
import Glibc
import TestSupport
import Testing

/// Another user of the coordinator's machine, played by processes of the user 65534.
@Suite(
    "Other users of the machine are not let in",
    .enabled(if: geteuid() == 0, "NOT TESTED: only root can play another user"))
struct OtherUserTests {
    /// - Returns: what the other user's process printed.
    private static func run(_ program: [String], environment: [String: String] = [:]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/setpriv")
        process.arguments = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"] + program
        process.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { mine, _ in mine }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self)
    }

    private static func get(_ path: String, _ port: Int) throws -> String {
        let script = """
            exec 3<>/dev/tcp/127.0.0.1/\(port)
            printf 'GET %s HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n' "$0" >&3; cat <&3
            """
        return try run(["/bin/bash", "-c", script, path])
    }

    @Test(
        "neither a call, nor the token's file, nor a link that was seen somewhere lets another user in",
        .timeLimit(.minutes(15)))
    func otherUser() throws {
        let house = try House()
        try house.startCoordinator()
        #expect(try Self.get("/v1/sweeps", house.port).hasPrefix("HTTP/1.1 401"))
        let state = try #require(RadiataProgram.environment["XDG_STATE_HOME"])
        for folder in [state + "/radiata/coordinators", house.data] {
            let seen = try Self.run(["/bin/sh", "-c", "cat \(folder)/*token* \(folder)/ledger.db; ls \(folder)"])
            #expect(!seen.contains("radiata_") && !seen.contains("SQLite"), "\(folder): \(seen)")
        }
        let link = try house.radiata(["open", "--no-browser"]).output.trimmingCharacters(in: .whitespacesAndNewlines)
        let path = try #require(link.firstIndex(of: "?").map { "/open" + link[$0...] })
        let theirs = try Self.get(path, house.port)
        #expect(theirs.hasPrefix("HTTP/1.1 403") && !theirs.contains("Set-Cookie") && theirs.contains("nobody else"))
        // It was not used up by that.
        let mine = try RadiataProgram.get(path, port: house.port)
        #expect(mine.hasPrefix("HTTP/1.1 200") && mine.contains("Set-Cookie"))
    }

    @Test("the token is not sent to a port that another user has taken", .timeLimit(.minutes(15)))
    func portOfAnother() throws {
        let house = try House()
        try house.startCoordinator()
        house.slay(try #require(house.coordinator))
        // A killed coordinator leaves its token; somebody else waits for who would bring it.
        let catcher = Process()
        catcher.executableURL = URL(filePath: "/usr/bin/setpriv")
        catcher.arguments = [
            "--reuid=65534", "--regid=65534", "--clear-groups", "--", "/usr/bin/python3", "-c",
            """
            import socket
            server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("127.0.0.1", \(house.port))); server.listen()
            print("ready", flush=True)
            caller, _ = server.accept()
            print(caller.recv(65536).decode(), flush=True)
            caller.sendall(b"HTTP/1.1 401 Unauthorized\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
            """,
        ]
        let pipe = Pipe()
        catcher.standardOutput = pipe
        try catcher.run()
        defer { if catcher.isRunning { catcher.terminate() } }
        let ready = try pipe.fileHandleForReading.read(upToCount: 6) ?? Data()
        try #require(String(decoding: ready, as: UTF8.self) == "ready\n")
        let ended = try house.radiata(["status"])
        #expect(ended.status == 1 && ended.messages.contains("another user"), "\(ended)")
        catcher.waitUntilExit()
        let caught = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(caught.contains("GET /v1/status") && !caught.lowercased().contains("authorization"), "\(caught)")
    }
}
