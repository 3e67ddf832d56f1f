import Foundation
import Ports
import SweepClient
import SweepWire
import Synchronization

/// A coordinator and workers as child processes of this program on the loopback, for the demo.
///
/// Their logs go to files in `folder`. `stop()` ends them politely, workers first; an interrupt does the
/// same, so nothing is left running.
final class LocalCluster: Sendable {
    let folder: String
    let address: String
    private let children = Mutex<[Process]>([])
    private let program: String
    /// The coordinator's admin token, and the file of it.
    private let token = SystemRandom().hexadecimal(bytes: 32)
    private var tokenFile: String { "\(folder)/token" }

    /// - Parameter folder: gets `coordinator/`, `worker-N/` and the logs.
    init(folder: String) throws {
        self.folder = folder
        address = "127.0.0.1:\(try FreePort.find())"
        program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try DiskFiles().writeAtomically(Array((token + "\n").utf8), to: "\(folder)/token", mode: 0o600)
    }

    /// A client of the cluster's own coordinator.
    func client() throws -> SweepClient {
        SweepClient(try ClientConfiguration(coordinator: "http://\(address)", token: token))
    }

    func startCoordinator() throws {
        try start(
            name: "coordinator",
            [
                "coordinator", "run", "--data", "\(folder)/coordinator", "--listen", address, "--token-file", tokenFile,
            ])
    }

    func startWorker(_ number: Int, threads: Int, slots: Int = 1, inputs: [String]) throws {
        let inputOptions = inputs.flatMap { ["--inputs", $0] }
        try start(
            name: "worker-\(number)",
            ["worker", "run", "--coordinator", "http://\(address)", "--work", "\(folder)/worker-\(number)"]
                + ["--token-file", tokenFile, "--slots", "\(slots)", "--threads", "\(threads)", "--gpus", "none"]
                + inputOptions)
    }

    /// Waits until the coordinator answers.
    func waitUntilServing(_ client: SweepClient) async throws {
        do {
            _ = try await client.call(.health, Nothing(), retry: .user)
        } catch {
            throw CommandFailure(
                .failed,
                "the coordinator did not start; its log is \(folder)/coordinator.log\n\(logTail("coordinator"))")
        }
    }

    var coordinatorPID: Int32? {
        children.withLock { $0.first { $0.isRunning && $0.arguments?.first == "coordinator" }?.processIdentifier }
    }

    /// Ends every child: workers first, so that they can report.
    func stop() {
        let running = children.withLock { children in
            defer { children = [] }
            return children
        }
        for child in running.reversed() where child.isRunning {
            child.terminate()
            child.waitUntilExit()
        }
    }

    /// Names the children that ended by themselves, with the end of their logs.
    func casualties() -> String? {
        let dead = children.withLock { $0.filter { !$0.isRunning } }
        guard !dead.isEmpty else { return nil }
        return dead.compactMap { $0.arguments?.first }.map { "\($0) ended:\n\(logTail($0))" }.joined(separator: "\n")
    }

    private func start(name: String, _ arguments: [String]) throws {
        let path = "\(folder)/\(name).log"
        guard FileManager.default.createFile(atPath: path, contents: nil), let log = FileHandle(forWritingAtPath: path)
        else {
            throw CommandFailure(.failed, "\(path): cannot be written")
        }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = log
        process.standardError = log
        process.standardInput = FileHandle.nullDevice
        try process.run()
        children.withLock { $0.append(process) }
    }

    private func logTail(_ name: String) -> String {
        let text = FileManager.default.contents(atPath: "\(folder)/\(name).log").map {
            String(decoding: $0, as: UTF8.self)
        }
        return (text ?? "").split(separator: "\n").suffix(8).joined(separator: "\n")
    }
}

/// A port nobody listens on at this moment.
enum FreePort {
    static func find() throws -> Int {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw CommandFailure(.failed, "no socket can be opened") }
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(socket, generic, length) == 0 && getsockname(socket, generic, &length) == 0
            }
        }
        guard bound else { throw CommandFailure(.failed, "no free port on 127.0.0.1") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
