import Foundation
import Glibc
import TestSupport
import Testing

/// What a launch says and asks before it does anything, and an upload that is cut off.
@Suite("Launching")
struct LaunchTests {
    private func sweep(_ values: String, comment: String = "", command: String = "true", top: String = "") -> String {
        """
        \(comment)
        name: again
        trainer: { command: [\(command), "{x}"] }
        \(top)
        groups: [ { grid: { x: [\(values)] } } ]

        """
    }

    @Test(
        "another file under a known name shows what it adds, and a script needs --yes; the same file is never asked about"
    )
    func relaunch() throws {
        let house = try House()
        try house.startCoordinator()
        let file = try house.folder.write("sweep.yaml", sweep("1, 2"))
        try #require(try house.radiata(["launch", file]).status == 0)
        let same = try house.radiata(["launch", file])
        #expect(
            same.status == 0 && same.output.contains("0 added") && !same.messages.contains("another file"), "\(same)")

        try house.folder.write("sweep.yaml", sweep("2, 3, 4"))
        let refused = try house.radiata(["launch", file])
        #expect(refused.status == 2, "\(refused)")
        #expect(
            refused.messages.contains("again is known already, with 2 jobs, and this is another file. It adds 2 jobs")
                && refused.messages.contains(
                    "(2 configurations); 1 of its jobs are there already; 1 jobs that it does not have stay")
                && refused.messages.contains("--yes"), "\(refused)")
        #expect(try house.count("SELECT count(*) FROM members") == 2)

        let added = try house.radiata(["launch", file, "--yes"])
        #expect(
            added.status == 0 && added.output.contains("2 added") && added.messages.contains("It adds 2 jobs"),
            "\(added)")
        #expect(try house.count("SELECT count(*) FROM members") == 4)
        // Now it is known, and so is the one before; a file that adds nothing has nothing to ask.
        #expect(try house.radiata(["launch", file]).status == 0)
        try house.folder.write("sweep.yaml", sweep("1, 2", comment: "# another text"))
        #expect(try house.radiata(["launch", file]).status == 0)
    }

    @Test("plan and launch say what a sweep is made of and, from earlier runs, how long it takes")
    func estimate() throws {
        let house = try House()
        let file = try house.folder.write("sweep.yaml", sweep("0.3, 0.4, 0.5", command: "sleep"))
        let alone = try house.radiata(["plan", file])
        #expect(alone.status == 0, "\(alone)")
        #expect(alone.output.contains("again: 3 configurations, 3 jobs, 0 checkpoints"), "\(alone)")
        #expect(alone.output.contains("hours: no estimate, no coordinator with earlier runs was reached"), "\(alone)")

        try house.startCoordinator()
        #expect(
            try house.radiata(["plan", file]).output.contains("there is no earlier run with this trainer and base"))
        let launched = try house.radiata(["launch", file])
        #expect(launched.messages.contains("again: 3 configurations, 3 jobs, 0 checkpoints"), "\(launched)")
        _ = try house.startWorker("worker")
        try house.eventually("the jobs are done") {
            try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 3 ? nil : "not yet"
        }
        let planned = try house.radiata(["plan", file]).output
        #expect(planned.contains("median of 3 earlier runs with the same trainer, base and data"), "\(planned)")
        #expect(planned.contains("a job, "), "\(planned)")
        // Another program has no runs yet.
        let other = try house.folder.write("other.yaml", sweep("1", command: "true"))
        #expect(try house.radiata(["plan", other]).output.contains("no earlier run"))
    }

    @Test("Ctrl-C in an upload says what is done and what is left, and a repeat goes on from there")
    func interruptedUpload() throws {
        let house = try House()
        try house.startCoordinator()
        let data = house.folder.path + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        var generator = SystemRandomNumberGenerator()
        for number in 0..<6 {
            var bytes = Data(count: 1 << 20)
            for index in stride(from: 0, to: bytes.count, by: 8) {
                withUnsafeBytes(of: generator.next() as UInt64) { bytes.replaceSubrange(index..<index + 8, with: $0) }
            }
            try bytes.write(to: URL(filePath: "\(data)/file-\(number).bin"))
        }
        let file = try house.folder.write("sweep.yaml", sweep("1", top: "data: \(data)"))
        // Three and a half files go through.
        let proxy = try StallingProxy(to: house.port, after: 7 << 19)
        let messages = house.folder.path + "/launch.err"
        let launch = try RadiataProgram.start(
            ["launch", file], output: house.folder.path + "/launch.out", messages: messages,
            environment: ["RADIATA_COORDINATOR": "http://127.0.0.1:\(proxy.port)", "RADIATA_TOKEN": try token(house)])
        try house.eventually("the upload stalls") { proxy.hasStalled ? nil : "not yet" }
        kill(launch.processIdentifier, SIGINT)
        launch.waitUntilExit()
        proxy.stop()
        let said = try String(contentsOfFile: messages, encoding: .utf8)
        #expect(launch.terminationReason == .exit && launch.terminationStatus == 128 + SIGINT, "\(said)")
        #expect(said.contains("uploading 6 input files, 6.3 MB"), "\(said)")
        #expect(
            said.contains("stopped. again is launched; 3 of 6 input files (3.1 of 6.3 MB) are with the coordinator"),
            "\(said)")
        #expect(
            said.contains("3 are missing (3.1 MB)") && said.contains("'radiata launch \(file)' sends what is missing"),
            "\(said)")

        let again = try house.radiata(["launch", file])
        #expect(again.status == 0 && again.messages.contains("uploaded 3 input files, 3.1 MB"), "\(again)")
        #expect(!again.messages.contains("another file"), "\(again)")
    }

    /// A proxy has another address than the coordinator, for which no token is found by itself.
    private func token(_ house: House) throws -> String {
        try String(contentsOfFile: house.data + "/admin.token", encoding: .utf8).trimmingCharacters(
            in: .whitespacesAndNewlines)
    }
}

/// Passes bytes on to a port of the loopback, and after so many from the client keeps the connection and
/// passes nothing.
final class StallingProxy: @unchecked Sendable {
    let port: Int
    private let listener: Int32
    private let target: Int
    private let lock = NSLock()
    private var left: Int
    private var stalled = false
    private var sockets: [Int32] = []

    var hasStalled: Bool { lock.withLock { stalled } }

    init(to target: Int, after bytes: Int) throws {
        self.target = target
        left = bytes
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(bound)
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(descriptor, nil, nil)
                if client < 0 { return }
                connect(client)
            }
        }
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        lock.withLock { for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) } }
    }

    private func connect(_ client: Int32) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.address(target)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        lock.withLock { sockets += [client, server] }
        guard connected else { return }
        Thread.detachNewThread { [self] in pass(from: client, to: server, isCounted: true) }
        Thread.detachNewThread { [self] in pass(from: server, to: client, isCounted: false) }
    }

    private func pass(from source: Int32, to target: Int32, isCounted: Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            if count <= 0 { break }
            if isCounted, isStalling(count) { continue }
            var sent = 0
            while sent < count {
                let written = buffer.withUnsafeBytes {
                    send(target, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
                }
                if written <= 0 { return }
                sent += written
            }
        }
        shutdown(target, Int32(SHUT_WR))
    }

    private func isStalling(_ count: Int) -> Bool {
        lock.withLock {
            left -= count
            if left < 0 { stalled = true }
            return stalled
        }
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
