import Foundation
import TestSupport
import Testing

/// A coordinator and workers as real processes on the loopback, which a test can kill and start again.
final class House {
    let folder: TemporaryFolder
    let port: Int
    private(set) var coordinator: Process?
    private var children: [Process] = []
    private var started = 0

    /// Whether others can reach the coordinator, which then makes its own certificate.
    let isReachable: Bool
    var url: String { "\(isReachable ? "https" : "http")://127.0.0.1:\(port)" }
    let data: String

    /// - Parameters:
    ///   - data: the coordinator's data folder, if it should be another than one of the house's own.
    ///   - isReachable: it listens on all addresses, with a certificate that it makes itself.
    init(data: String? = nil, isReachable: Bool = false) throws {
        folder = try TemporaryFolder()
        self.isReachable = isReachable
        self.data = data ?? folder.path + "/coordinator"
        port = try Self.freePort()
    }

    deinit {
        for child in children where child.isRunning {
            kill(child.processIdentifier, SIGKILL)
            child.waitUntilExit()
        }
    }

    /// Short leases, so that a killed worker is noticed within the test.
    ///
    /// - Parameters:
    ///   - mayDie: it may end itself (a crash point) before it answers.
    ///   - options: further ones.
    ///   - program: another build; the one that is tested if left out.
    func startCoordinator(
        lease: String = "2s", environment: [String: String] = [:], mayDie: Bool = false, options: [String] = [],
        program: String? = nil
    ) throws {
        started += 1
        let process = try RadiataProgram.start(
            [
                "coordinator", "run", "--data", data, "--listen", "\(isReachable ? "0.0.0.0" : "127.0.0.1"):\(port)",
                "--lease", lease,
            ] + options,
            output: "\(folder.path)/coordinator-\(started).out", messages: "\(folder.path)/coordinator-\(started).log",
            environment: environment, program: program)
        coordinator = process
        children.append(process)
        try eventually("the coordinator answers") {
            if mayDie, !process.isRunning { return nil }
            return try radiata(["status", "--format", "json"]).status == 0 ? nil : log("coordinator-\(started)")
        }
    }

    func startWorker(_ name: String, threads: Int = 1, work: String? = nil, environment: [String: String] = [:]) throws
        -> Process
    {
        started += 1
        let work = work ?? "\(folder.path)/\(name)"
        let process = try RadiataProgram.start(
            ["worker", "run", "--coordinator", url, "--work", work, "--threads", "\(threads)"],
            output: "\(folder.path)/\(name)-\(started).out", messages: "\(folder.path)/\(name)-\(started).log",
            environment: environment)
        children.append(process)
        return process
    }

    /// A program of the house with a log of its name; it ends with the house.
    func start(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Process {
        let process = try RadiataProgram.start(
            arguments, output: "\(folder.path)/\(name).out", messages: "\(folder.path)/\(name).log",
            environment: environment)
        children.append(process)
        return process
    }

    /// SIGKILL: nobody gets to say goodbye.
    func slay(_ process: Process) {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// A worker, its guard and its trainers at once, as when the machine goes.
    func slayMachine(_ worker: Process, work: String) {
        var groups: [Int32] = []
        for name in FileManager.default.subpaths(atPath: work) ?? []
        where name == "guard" || name.hasSuffix("/process") {
            let text = (try? String(contentsOfFile: "\(work)/\(name)", encoding: .utf8)) ?? ""
            if let pid = text.split(separator: " ").first.flatMap({ Int32($0) }), pid > 1 {
                // Only what this worker started: a number used again would name somebody else.
                if getsid(pid) == pid || name == "guard" { groups.append(name == "guard" ? pid : -pid) }
            }
        }
        kill(worker.processIdentifier, SIGKILL)
        for group in groups { kill(group, SIGKILL) }
        worker.waitUntilExit()
    }

    func radiata(_ arguments: [String]) throws -> RadiataProgram.Ended {
        try RadiataProgram.run(arguments, environment: ["RADIATA_COORDINATOR": url])
    }

    /// Rows of a query as dictionaries.
    func query(_ sql: String) throws -> [[String: Any]] {
        let answer = try radiata(["query", sql, "--format", "json"])
        try #require(answer.status == 0, "\(answer)")
        return try #require(try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [[String: Any]])
    }

    func count(_ sql: String) throws -> Int {
        let row = try #require(try query(sql).first)
        return (row.values.first as? NSNumber)?.intValue ?? 0
    }

    func log(_ name: String) -> String {
        FileManager.default.contents(atPath: "\(folder.path)/\(name).log").map {
            String(decoding: $0.suffix(2000), as: UTF8.self)
        }
            ?? "no log \(name)"
    }

    func allLogs() -> String {
        let names = (FileManager.default.subpaths(atPath: folder.path) ?? []).filter { $0.hasSuffix(".log") }.sorted()
        return names.map { "== \($0)\n" + log(String($0.dropLast(4))) }.joined(separator: "\n")
    }

    /// Polls a state until `condition` returns nil; fails with the last thing it said.
    func eventually(_ what: String, seconds: Double = 90, _ condition: () throws -> String?) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        var last = ""
        while Date() < end {
            guard let state = try condition() else { return }
            last = state
            usleep(100_000)
        }
        Issue.record("\(what): not within \(seconds) s; last seen: \(last)\n\(allLogs())")
        throw StateNotReached(what: what)
    }

    struct StateNotReached: Error { let what: String }

    static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        try #require(bound)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
