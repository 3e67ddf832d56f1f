import Foundation
import Glibc
import TestSupport
import Testing

/// Whole sweeps on a real Slurm.
@Suite("Slurm", .serialized)
struct SlurmTests {
    static let isWhole = ProcessInfo.processInfo.environment["RADIATA_MACHINES"] == "1"

    private func submit(_ cluster: SlurmCluster, _ arguments: [String], _ environment: [String: String] = [:]) throws
        -> [String: Any]
    {
        let ended = try RadiataProgram.run(
            ["slurm", "submit"] + arguments + ["--format", "json"],
            environment: cluster.environment.merging(environment) { _, new in new })
        try #require(ended.status == 0, "\(ended)")
        return try #require(try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [String: Any])
    }

    /// Everything is done, once, and no step is there twice; asked of the ledger that the cluster left.
    private func expectWhole(_ data: String, jobs: Int) throws {
        let house = try House(data: data)
        try house.startCoordinator()
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == jobs)
        #expect(try house.count("SELECT count(*) FROM attempt WHERE outcome = 'done'") == jobs)
        #expect(try house.count("SELECT count(*) FROM metrics WHERE key = 'loss'") == 10 * jobs)
        #expect(
            try house.count("SELECT count(DISTINCT job || ' ' || step) FROM metrics WHERE key = 'loss'") == 10 * jobs)
        #expect(try house.count("SELECT count(*) FROM checkpoints WHERE kind = 'adapter'") == jobs)
        #expect(try house.count("SELECT count(*) FROM attempt WHERE outcome = 'failed'") == 0)
    }

    @Test("the scripts that --dry-run prints are shell, and carry sbatch's own options")
    func dryRun() throws {
        let folder = try TemporaryFolder()
        let file = try GatedTrainer.sweep(in: folder, "cluster", seeds: 1...1)
        let ended = try RadiataProgram.run([
            "slurm", "submit", file, "--nodes", "3", "--coordinator-job", "--folder", folder.path + "/it's here",
            "--slots", "2", "--dry-run", "--partition", "gpu", "--gres=gpu:1", "--comment", "two words",
        ])
        try #require(ended.status == 0, "\(ended)")
        let scripts = ended.output.components(separatedBy: "#!/bin/bash").filter { !$0.isEmpty }
        try #require(scripts.count == 2, "\(ended.output)")
        for (index, script) in scripts.enumerated() {
            let path = try folder.write("script-\(index)", "#!/bin/bash" + script)
            let process = Process()
            process.executableURL = URL(filePath: "/bin/bash")
            process.arguments = ["-n", path]
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(script)")
        }
        #expect(scripts[0].contains("#SBATCH --partition gpu\n") && !scripts[0].contains("--gres"))
        for wanted in [
            "#SBATCH --array=1-3\n", "#SBATCH --gres=gpu:1\n", "#SBATCH --comment \"two words\"\n", "--slots 2",
            "#SBATCH --requeue\n", "#SBATCH --signal=B:USR1@180\n",
        ] { #expect(scripts[1].contains(wanted), "\(wanted): \(scripts[1])") }
    }

    @Test(
        "a whole sweep with the coordinator as a job; one worker killed, one requeued: nothing lost, nothing twice",
        .enabled(if: SlurmTests.isWhole, "NOT TESTED: `make machines` runs it, as root"),
        .timeLimit(.minutes(15)))
    func coordinatorJob() throws {
        let cluster = try SlurmCluster()
        let folder = try TemporaryFolder()
        let file = try GatedTrainer.sweep(in: folder, "cluster", seeds: 1...4)
        try GatedTrainer.makeGates(in: folder, seeds: [1, 2])
        let shared = folder.path + "/shared"
        let answer = try submit(
            cluster, [file, "--nodes", "2", "--coordinator-job", "--folder", shared, "--idle", "20s"])
        let workers = try #require(answer["workers"] as? String)
        let client = ["--join-file", shared + "/join.json", "--token-file", shared + "/coordinator/admin.token"]
        func query(_ sql: String) throws -> [[String: Any]] {
            let ended = try RadiataProgram.run(["query", sql, "--format", "json"] + client)
            guard ended.status == 0 else { return [] }
            return try JSONSerialization.jsonObject(with: Data(ended.output.utf8)) as? [[String: Any]] ?? []
        }
        // Both workers stand at a gate, each with a state that the coordinator has.
        try cluster.eventually("two states are committed", seconds: 150) {
            let states = try query("SELECT count(*) AS n FROM checkpoints WHERE kind = 'state' AND step = 5")
            return (states.first?["n"] as? NSNumber)?.intValue == 2
                ? nil : "\(states) \(try cluster.queue()) " + SlurmCluster.logs(shared)
        }
        let names = try query(
            "SELECT w.name AS name, j.seed AS seed FROM jobs j JOIN worker w ON w.id = j.worker WHERE j.state = 'running'"
        )
        try #require(names.count == 2, "\(names)")
        // The second task's program is killed with all that it started; the first is put into the queue
        // again.
        try kill(task: "\(workers)_2", in: shared)
        let requeued = try cluster.run("scontrol", ["requeue", "\(workers)_1"])
        #expect(requeued.status == 0, "\(requeued)")
        for seed in [1, 2] { unlink("\(folder.path)/gate-\(seed)") }
        // The killed one puts itself into the queue again. Slurm lets such jobs wait for two minutes; the
        // test does not.
        for task in ["\(workers)_1", "\(workers)_2"] {
            try cluster.eventually("\(task) waits to be run again") {
                let queue = try cluster.queue()
                return queue.contains("\(task) PENDING") ? nil : "\(queue) " + SlurmCluster.logs(shared)
            }
            let started = try cluster.run("scontrol", ["update", "JobId=\(task)", "StartTime=now"])
            #expect(started.status == 0, "\(started)")
        }
        try cluster.awaitEnd("all jobs of the cluster have ended", logs: shared)
        try expectWhole(shared + "/coordinator", jobs: 4)
    }

    /// SIGKILL for a worker, its guard and its trainer, as when the kernel runs out of memory.
    private func kill(task: String, in shared: String) throws {
        let work = "\(shared)/work/\(task)"
        var killed = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(name), let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
                String(decoding: line, as: UTF8.self).contains(work)
            else { continue }
            if Glibc.kill(pid, SIGKILL) == 0 { killed += 1 }
        }
        try #require(killed > 0, "no process of \(work)")
    }

    @Test(
        "workers of a coordinator that runs elsewhere end when nothing is left, and share one token that a file holds",
        .enabled(if: SlurmCluster.isPossible, "NOT TESTED: \(SlurmCluster.refusal ?? "")"),
        .timeLimit(.minutes(15)))
    func coordinatorElsewhere() throws {
        let cluster = try SlurmCluster()
        let house = try House(isReachable: true)
        try house.startCoordinator()
        let file = try GatedTrainer.sweep(in: house.folder, "cluster", seeds: 1...6)
        let shared = house.folder.path + "/shared"
        _ = try submit(
            cluster, [file, "--nodes", "2", "--folder", shared, "--idle", "5s", "--price", "0.5"],
            ["RADIATA_COORDINATOR": house.url])
        try cluster.awaitEnd("the workers have ended", logs: shared)
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 6, "\(SlurmCluster.logs(shared))")
        #expect(try house.count("SELECT count(*) FROM attempt") == 6)
        var status = stat()
        #expect(stat(shared + "/join.json", &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try house.count("SELECT count(*) FROM attempt_price") == 6)
    }

    @Test(
        "a node's disk is full to the last byte: its trainer is held, and its job goes on elsewhere; nothing lost",
        .enabled(
            if: SlurmTests.isWhole && SmallDisk.refusal == nil,
            "NOT TESTED: `make machines` runs it, as root"),
        .timeLimit(.minutes(15)))
    func fullNodeDisk() throws {
        let cluster = try SlurmCluster()
        let disk = try SmallDisk(megabytes: 16)
        let house = try House(isReachable: true)
        try house.startCoordinator()
        let file = try GatedTrainer.sweep(in: house.folder, "cluster", seeds: 1...4)
        try GatedTrainer.makeGates(in: house.folder, seeds: [1, 2])
        let shared = house.folder.path + "/shared"
        // Each node has a disk of its own; that of the first is small.
        let nodes = house.folder.path + "/nodes"
        try FileManager.default.createDirectory(atPath: nodes + "/n2", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: nodes + "/n1", withDestinationPath: disk.path)
        let answer = try submit(
            cluster,
            [
                file, "--nodes", "2", "--folder", shared, "--idle", "15s", "--work", nodes + "/$SLURMD_NODENAME",
                "--cpus-per-task", "2",
            ], ["RADIATA_COORDINATOR": house.url])
        let workers = try #require(answer["workers"] as? String)
        try cluster.eventually("two states are committed") {
            let states = try house.count("SELECT count(*) FROM checkpoints WHERE kind = 'state' AND step = 5")
            return states == 2 ? nil : "\(states) \(try cluster.queue()) " + SlurmCluster.logs(shared)
        }
        let places = try cluster.run("squeue", ["-h", "-r", "-o", "%i %N"]).output.split(separator: "\n")
        let full = try #require(places.first { $0.hasSuffix(" n1") }?.split(separator: " ").first.map(String.init))
        try disk.fill()
        try cluster.eventually("the worker of that node says so") {
            let log = FileManager.default.contents(atPath: "\(shared)/worker-\(full).log") ?? Data()
            let text = String(decoding: log, as: UTF8.self)
            return text.contains("trainers are held, free some space there") ? nil : text
        }
        let other = try house.query(
            "SELECT j.seed AS seed FROM jobs j JOIN worker w ON w.id = j.worker WHERE w.name LIKE 'n2-%' AND j.state = 'running'"
        )
        let seed = try #require(other.first?["seed"] as? Int, "\(other)")
        try cluster.eventually("the other trainer goes on") {
            GatedTrainer.tryGate(in: house.folder, seed: seed)
        }
        try cluster.eventually("the other node does the rest") {
            let done = try house.count("SELECT count(*) FROM jobs WHERE state = 'done'")
            return done == 3 ? nil : "\(done) done " + SlurmCluster.logs(shared)
        }
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'running'") == 1)
        // The node is taken out of use, as its owner would; the task starts again on the other one.
        try #require(
            cluster.run("scontrol", ["update", "NodeName=n1", "State=DRAIN", "Reason=disk"]).status == 0)
        let requeued = try cluster.run("scontrol", ["requeue", full])
        #expect(requeued.status == 0, "\(requeued)")
        try cluster.eventually("\(full) waits to be run again") {
            let queue = try cluster.queue()
            return queue.contains("\(full) PENDING") ? nil : "\(queue) " + SlurmCluster.logs(shared)
        }
        #expect(try cluster.run("scontrol", ["update", "JobId=\(full)", "StartTime=now"]).status == 0)
        try cluster.awaitEnd("all tasks of \(workers) have ended", logs: shared)
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 4)
        #expect(try house.count("SELECT count(*) FROM attempt WHERE outcome = 'done'") == 4)
        #expect(try house.count("SELECT count(*) FROM attempt WHERE outcome = 'failed'") == 0)
        #expect(try house.count("SELECT count(*) FROM metrics WHERE key = 'loss'") == 40)
        #expect(try house.count("SELECT count(DISTINCT job || ' ' || step) FROM metrics WHERE key = 'loss'") == 40)
        #expect(try house.count("SELECT count(*) FROM attempt WHERE resumed_step = 5") == 1)
    }

    @Test(
        "a time limit that cuts a job, and a more urgent job that takes its place: the sweep goes on and ends",
        .enabled(
            if: SlurmTests.isWhole, "NOT TESTED: `make machines` runs it (five minutes)"),
        .timeLimit(.minutes(15)))
    func limitAndPreemption() throws {
        let cluster = try SlurmCluster()
        let house = try House(isReachable: true)
        try house.startCoordinator()
        let file = try GatedTrainer.sweep(in: house.folder, "cluster", seeds: 1...2)
        try GatedTrainer.makeGates(in: house.folder, seeds: [1, 2])
        let shared = house.folder.path + "/shared"
        // Slurm counts in minutes, and may signal up to a minute early.
        let answer = try submit(
            cluster,
            [
                file, "--nodes", "1", "--folder", shared, "--idle", "30s", "--slots", "2", "--margin", "30s", "--time",
                "2", "--cpus-per-task", "2",
            ], ["RADIATA_COORDINATOR": house.url])
        let workers = try #require(answer["workers"] as? String)
        func restarted(_ count: Int, _ what: String) throws {
            try cluster.eventually(what, seconds: 240) {
                let shown = try cluster.run("scontrol", ["show", "job", "\(workers)_1"]).output
                let queue = try cluster.queue()
                return shown.contains("Restarts=\(count) ") && queue.contains("\(workers)_1 PENDING")
                    ? nil : "\(queue) \(shown) " + SlurmCluster.logs(shared)
            }
            #expect(try cluster.run("scontrol", ["update", "JobId=\(workers)_1", "StartTime=now"]).status == 0)
        }
        func statesAreThere() throws {
            try cluster.eventually("both jobs run") {
                try house.count("SELECT count(*) FROM jobs WHERE state = 'running'") == 2
                    ? nil : SlurmCluster.logs(shared)
            }
        }
        try statesAreThere()
        try restarted(1, "the time limit has put the task into the queue again")
        #expect(SlurmCluster.logs(shared).contains("the time limit is near"))
        // Its jobs came back by themselves, not by a lease that ran out.
        #expect(try house.count("SELECT count(*) FROM attempt WHERE outcome = 'lost'") == 0)
        for seed in [1, 2] { unlink("\(house.folder.path)/gate-\(seed)") }
        try cluster.awaitEnd("all is done", logs: shared)
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 2)
        #expect(try house.count("SELECT count(*) FROM attempt WHERE outcome = 'failed'") == 0)
        #expect(try house.count("SELECT count(DISTINCT job || ' ' || step) FROM metrics WHERE key = 'loss'") == 20)
    }
}
