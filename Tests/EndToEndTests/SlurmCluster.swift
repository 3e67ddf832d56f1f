import Foundation
import Glibc
import TestSupport
import Testing

/// A real Slurm: a controller and two nodes as processes of this machine, with a munge daemon of their own.
final class SlurmCluster {
    let folder: TemporaryFolder

    /// Why there is none on this machine; nil if there can be one. `.ci/install-packages` brings what it
    /// needs.
    static let refusal: String? = {
        guard geteuid() == 0 else { return "Slurm's daemons need root" }
        for path in ["/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "/usr/bin/sbatch"]
        where access(path, X_OK) != 0 { return "\(path) is not installed" }
        do {
            _ = try SlurmCluster()
            return nil
        } catch {
            return "Slurm does not run here: \(error)"
        }
    }()

    static var isPossible: Bool { SlurmTests.isWhole || refusal == nil }

    struct Failed: Error { let what: String }

    private var configuration: String { folder.path + "/slurm.conf" }

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.path
        let ports = try (0..<3).map { _ in try House.freePort() }
        for name in ["state", "spool", "log"] {
            try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        }
        let nodes = (1...2).map {
            "NodeName=n\($0) NodeHostname=localhost NodeAddr=127.0.0.1 Port=\(ports[$0]) CPUs=2"
        }
        _ = try folder.write(
            "slurm.conf",
            """
            ClusterName=radiata
            SlurmctldHost=localhost(127.0.0.1)
            SlurmctldPort=\(ports[0])
            SlurmUser=root
            SlurmdUser=root
            AuthType=auth/munge
            AuthInfo=socket=\(path)/munge.socket
            StateSaveLocation=\(path)/state
            SlurmdSpoolDir=\(path)/spool/%n
            SlurmctldPidFile=\(path)/controller.pid
            SlurmdPidFile=\(path)/%n.pid
            SlurmctldLogFile=\(path)/log/controller.log
            SlurmdLogFile=\(path)/log/%n.log
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU
            JobRequeue=1
            ReturnToService=2
            MpiDefault=none
            KillWait=20
            PreemptType=preempt/partition_prio
            PreemptMode=REQUEUE
            \(nodes.joined(separator: "\n"))
            PartitionName=main Nodes=n1,n2 Default=YES PriorityTier=1
            PartitionName=urgent Nodes=n1,n2 PriorityTier=10
            """)
        let key = (0..<1024).map { _ in UInt8.random(in: 0...255) }
        let keyPath = path + "/munge.key"
        guard FileManager.default.createFile(atPath: keyPath, contents: Data(key)) else {
            throw Failed(what: "\(keyPath) cannot be written")
        }
        chmod(keyPath, 0o400)
        try start(
            "/usr/sbin/munged",
            [
                "--force", "--key-file=\(keyPath)", "--socket=\(path)/munge.socket", "--pid-file=\(path)/munge.pid",
                "--log-file=\(path)/log/munge.log", "--seed-file=\(path)/munge.seed",
            ])
        try start("/usr/sbin/slurmctld", ["-f", configuration])
        for node in ["n1", "n2"] { try start("/usr/sbin/slurmd", ["-N", node, "-f", configuration]) }
        let end = Date(timeIntervalSinceNow: 60)
        while true {
            let nodes = try run("sinfo", ["-h", "-N", "-p", "main", "-o", "%T"]).output
            if nodes.split(separator: "\n") == ["idle", "idle"] { return }
            guard Date() < end else {
                throw Failed(what: "the nodes are '\(nodes)'; \(log("controller")) \(log("n1"))")
            }
            usleep(200_000)
        }
    }

    deinit {
        for name in ["n1.pid", "n2.pid", "controller.pid", "munge.pid"] {
            guard let pid = pid(name) else { continue }
            kill(pid, SIGTERM)
            // Not this process's child: gone when its number is.
            for _ in 0..<100 where kill(pid, 0) == 0 { usleep(50_000) }
            kill(pid, SIGKILL)
        }
    }

    private func pid(_ name: String) -> Int32? {
        FileManager.default.contents(atPath: "\(folder.path)/\(name)").flatMap {
            Int32(String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// What commands need to find the cluster.
    var environment: [String: String] { ["SLURM_CONF": configuration] }

    /// Starts a daemon. It must keep no file of this process open: Foundation takes a process for running as
    /// long as anybody holds a certain one, and munged closes none.
    private func start(_ program: String, _ arguments: [String]) throws {
        let alone = """
            for file in /proc/self/fd/*; do
                number=${file##*/}
                [ "$number" -le 2 ] || eval "exec $number>&-"
            done
            exec "$@"
            """
        let ended = try run("/bin/bash", ["-c", alone, "bash", program] + arguments)
        guard ended.status == 0 else { throw Failed(what: "\(program): \(ended)") }
    }

    /// One of Slurm's own commands.
    @discardableResult
    func run(_ program: String, _ arguments: [String]) throws -> RadiataProgram.Ended {
        let scratch = try TemporaryFolder()
        let (out, err) = (scratch.path + "/out", scratch.path + "/err")
        for path in [out, err] { try #require(FileManager.default.createFile(atPath: path, contents: nil)) }
        let process = Process()
        process.executableURL = URL(filePath: program.hasPrefix("/") ? program : "/usr/bin/\(program)")
        process.arguments = arguments
        process.environment = RadiataProgram.environment.merging(environment) { _, new in new }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: out))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: err))
        try process.run()
        process.waitUntilExit()
        return RadiataProgram.Ended(
            status: process.terminationStatus, output: try String(contentsOfFile: out, encoding: .utf8),
            messages: try String(contentsOfFile: err, encoding: .utf8))
    }

    /// Jobs and array tasks that have not ended, with their states: `12_1 RUNNING`.
    func queue() throws -> [String] {
        try run("squeue", ["-h", "-r", "-o", "%i %T"]).output.split(separator: "\n").map(String.init)
    }

    /// Waits until no job is left. A task between waiting and running is in no list for a moment, so five
    /// looks in a row count.
    func awaitEnd(_ what: String, seconds: Double = 180, logs: String) throws {
        var empty = 0
        try eventually(what, seconds: seconds) {
            let queue = try queue()
            empty = queue.isEmpty ? empty + 1 : 0
            return empty >= 5 ? nil : "\(queue) " + Self.logs(logs)
        }
    }

    func log(_ name: String) -> String {
        FileManager.default.contents(atPath: "\(folder.path)/log/\(name).log")
            .map { String(decoding: $0.suffix(1500), as: UTF8.self) } ?? ""
    }

    /// All the jobs' own logs.
    static func logs(_ folder: String) -> String {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            $0.hasSuffix(".log")
        }
        return names.sorted().map { name in
            let text = FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data()
            return "== \(name)\n" + String(decoding: text.suffix(2500), as: UTF8.self)
        }.joined(separator: "\n")
    }

    func eventually(_ what: String, seconds: Double = 90, _ condition: () throws -> String?) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        var last = ""
        while Date() < end {
            guard let state = try condition() else { return }
            last = state
            usleep(200_000)
        }
        Issue.record("\(what): not within \(seconds) s; last seen: \(last)")
        throw House.StateNotReached(what: what)
    }
}
