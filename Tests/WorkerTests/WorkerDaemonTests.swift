import Foundation
import Glibc
import Ports
import SweepClient
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker

@Suite("A worker and its coordinator", .serialized)
struct WorkerDaemonTests {
    /// Ten steps; a state at step 5, where it waits for `gate` unless it goes on from that state; an adapter
    /// at the end.
    private let script = """
        #!/bin/sh
        out="$1"; state="$3"; step=0
        echo "begins $2"
        [ -n "$state" ] && step=$(cat "$state")
        trap 'exit 75' TERM
        while [ $step -lt 10 ]; do
            step=$((step + 1))
            echo "{\\"step\\": $step, \\"loss\\": 0.$step, \\"odd\\": NaN}" >> "$out/metrics.jsonl"
            if [ $step -eq 5 ]; then
                echo $step > "$out/part"; mv "$out/part" "$out/state-5.txt"
                while [ ! -e "{folder}/gate" ]; do sleep 0.05; done
            fi
        done
        echo "adapter $2" > "$out/part"; mv "$out/part" "$out/adapter-10.txt"
        """
    private let sweep = """
        name: shell
        seeds: [1, 2]
        trainer:
          command: [sh, "{folder}/trainer.sh", "{out}", "{seed}"]
          resume: ["{checkpoint}"]
          metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
          checkpoints:
            - { glob: "{out}/state-*.txt", step: "state-([0-9]+)", kind: state }
            - { glob: "{out}/adapter-*.txt", step: "adapter-([0-9]+)", kind: adapter }
          evaluate: [sh, -c, "echo '{{\\"length\\": 1.5}'; test -s $0", "{checkpoint}"]
          stop: { signal: TERM, grace: 5s }
        groups: [ { list: [ { lr: 1e-4 } ] } ]
        """

    @Test("a sweep of shell trainers ends with every metric, checkpoint, evaluation and log in the ledger once")
    func wholeSweep() async throws {
        let cluster = try await Cluster()
        _ = try cluster.folder.write("gate", "")
        try await cluster.launch(sweep, script: script)
        let worker = try cluster.worker(slots: 2)
        #expect(try await cluster.jobs(reach: ["done", "failed"]) == [["done", "1", "null"], ["done", "1", "null"]])
        #expect(
            try await cluster.query("SELECT count(*), count(DISTINCT job) FROM metrics WHERE key = 'loss'") == [
                ["20", "2"]
            ])
        #expect(try await cluster.query("SELECT count(*) FROM metrics WHERE key = 'odd' AND value IS NULL") == [["20"]])
        let checkpoints = try await cluster.query(
            "SELECT step, kind, count(*) FROM checkpoints GROUP BY 1, 2 ORDER BY 1")
        #expect(checkpoints == [["5", "state", "2"], ["10", "adapter", "2"]])
        #expect(
            try await cluster.query("SELECT step, metric, value FROM results") == [
                ["10", "length", "1.5"], ["10", "length", "1.5"],
            ])
        let job = try await cluster.query("SELECT id FROM jobs WHERE seed = 2")[0][0]
        #expect(try await cluster.client.call(.logs, LogRequest(job: job)).text.contains("begins 2"))
        try await worker.stop()
        #expect(try DiskFiles().list(cluster.folder.path + "/work/attempts").isEmpty)
        await cluster.stop()
    }

    @Test("a worker that stops gives its job back with its state; the next goes on from there, under no penalty")
    func politeStop() async throws {
        let cluster = try await Cluster()
        try await cluster.launch(sweep.replacingOccurrences(of: "[1, 2]", with: "[1]"), script: script)
        let first = try cluster.worker("first")
        #expect(
            try await eventually {
                try await cluster.query("SELECT count(*) FROM checkpoints WHERE kind = 'state'") == [["1"]]
            })
        try await first.stop()
        #expect(try await cluster.query("SELECT state FROM jobs") == [["waiting"]])
        _ = try cluster.folder.write("gate", "")
        let second = try cluster.worker("second")
        #expect(try await cluster.jobs(reach: ["done", "failed"]) == [["done", "2", "null"]])
        #expect(
            try await cluster.query("SELECT step FROM metrics WHERE key = 'loss' ORDER BY step").flatMap { $0 }
                == (1...10).map(String.init))
        try await second.stop()
        await cluster.stop()
    }

    @Test("inputs travel: a worker with nothing gets the data set by its digest, once")
    func inputsTravel() async throws {
        let cluster = try await Cluster()
        try DiskFiles().makeFolder(cluster.folder.path + "/concept/5_cat")
        _ = try cluster.folder.write("concept/5_cat/a.txt", "a cat")
        _ = try cluster.folder.write("concept/5_cat/empty", "")
        try await cluster.launch(
            """
            name: inputs
            data: concept
            seeds: [1, 2]
            trainer: { command: [sh, "{folder}/trainer.sh", "{out}", "{data}"] }
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """,
            script:
                "#!/bin/sh\nset -e\ntest \"$(cat \"$2/5_cat/a.txt\")\" = 'a cat'\ntest -e \"$2/5_cat/empty\"\necho \"$2\"\n"
        )
        try DiskFiles().remove(cluster.folder.path + "/concept")
        let worker = try cluster.worker()
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]).map { $0[0] } == ["done", "done"])
        #expect(try DiskFiles().list(cluster.folder.path + "/work/inputs").filter { !$0.hasPrefix(".") }.count == 1)
        try await worker.stop()
        await cluster.stop()
    }

    @Test("what a killed worker left is ended, handed in and given back when it starts again")
    func restart() async throws {
        let cluster = try await Cluster()
        _ = try cluster.folder.write("gate", "")
        try await cluster.launch(sweep.replacingOccurrences(of: "[1, 2]", with: "[1]"), script: script)
        // An earlier run of the worker: it took the job, its trainer wrote three steps, then it was gone.
        let identity = SystemRandom().hexadecimal(bytes: 16)
        let session = SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16))
        _ = try await cluster.client.call(
            .register,
            RegisterRequest(
                WorkerRecord(worker: WorkerID(identity), name: "killed", session: session, slots: 1, threads: 1)))
        let exchange = ExchangeRequest(session: session, number: 1, reports: [], freeSlots: 1, waitSeconds: 10)
        let grant = try #require(try await cluster.client.call(.exchange, exchange).grants.first).grant()
        let place = "work/attempts/\(WorkFolder.attemptName(grant.token))"
        try DiskFiles().makeFolder("\(cluster.folder.path)/\(place)/out")
        _ = try cluster.folder.write("work/id", identity + "\n")
        _ = try cluster.folder.write(
            "\(place)/attempt.json", String(decoding: try WireJSON.encode(grant), as: UTF8.self))
        let lines = (1...3).map { "{\"step\": \($0), \"loss\": 1}\n" }.joined()
        _ = try cluster.folder.write("\(place)/out/metrics.jsonl", lines)
        // Asked by its guard to stop, the trainer saved a state and said so.
        _ = try cluster.folder.write("\(place)/out/state-3.txt", "3\n")
        _ = try cluster.folder.write("\(place)/process.exit", "\(75 << 8)\n")
        let trainer = Process()
        trainer.executableURL = URL(fileURLWithPath: "/bin/sleep")
        trainer.arguments = ["1000"]
        try trainer.run()
        let stat = try String(contentsOfFile: "/proc/\(trainer.processIdentifier)/stat", encoding: .utf8)
        let started = try #require(stat.split(separator: ")").last?.split(separator: " ")[19])
        _ = try cluster.folder.write("\(place)/process", "\(trainer.processIdentifier) \(started)\n")

        let worker = try cluster.worker()
        #expect(try await cluster.jobs(reach: ["done", "failed"]) == [["done", "2", "null"]])
        #expect(try await eventually { !trainer.isRunning })
        let detail = try await cluster.client.call(.job, JobRequest(job: grant.token.job.text))
        #expect(detail.attempts.map(\.outcome) == ["released", "done"])
        #expect(detail.attempts.map(\.resumedStep) == [0, 3])
        let spliced = try await cluster.query(
            "SELECT attempt, count(*) FROM metrics WHERE key = 'loss' GROUP BY 1 ORDER BY 1")
        #expect(spliced == [["1", "3"], ["2", "7"]])
        try await worker.stop()
        await cluster.stop()
    }

    @Test("a failing trainer fails its job with the class and its last words")
    func failure() async throws {
        let cluster = try await Cluster()
        try await cluster.launch(
            """
            name: failing
            trainer: { command: [sh, "{folder}/trainer.sh"] }
            retries: { oom: 0 }
            seeds: [1]
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """, script: "#!/bin/sh\necho 'CUDA out of memory' >&2\nexit 1\n")
        let worker = try cluster.worker()
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]) == [["failed", "1", "oom"]])
        try await worker.stop()
        await cluster.stop()
    }

    @Test(
        "a loss that is no number any more is a failure of its own class, however the trainer ends",
        arguments: ["exit 0", "exit 1", "kill -ABRT $$"])
    func notANumber(ending: String) async throws {
        let cluster = try await Cluster()
        try await cluster.launch(
            """
            name: nans
            trainer:
              command: [sh, "{folder}/trainer.sh", "{out}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
            retries: { nan: 0 }
            seeds: [1]
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """,
            script: """
                #!/bin/sh
                for value in 0.5 NaN 0.25 Infinity NaN; do
                    step=$((step + 1))
                    echo "{\\"step\\": $step, \\"loss\\": $value}" >> "$1/metrics.jsonl"
                done
                \(ending)
                """)
        let worker = try cluster.worker()
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]) == [["failed", "1", "nan"]])
        let message = try await cluster.query("SELECT message FROM jobs")
        #expect(message.first?.first?.contains("loss is NaN at step 5") == true, "\(message)")
        try await worker.stop()
        await cluster.stop()
    }

    @Test("a second worker on the same folder takes the next one, with an identity of its own")
    func secondWorker() async throws {
        let cluster = try await Cluster()
        let first = try cluster.worker()
        #expect(try await eventually { cluster.folder.exists("work/id") })
        let second = try cluster.worker()
        #expect(try await eventually { try await cluster.client.call(.workers, Nothing()).items.count == 2 })
        #expect(try cluster.folder.read("work/id") != cluster.folder.read("work-2/id"))
        try await first.stop()
        try await second.stop()
        await cluster.stop()
    }
}
