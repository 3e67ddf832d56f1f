import Foundation
import Testing

/// What of the campaign runs: `RADIATA_FAULTS_PART` names the part, without it none does.
enum FaultPart {
    static let name = ProcessInfo.processInfo.environment["RADIATA_FAULTS_PART"]
    static let count = ProcessInfo.processInfo.environment["RADIATA_FAULTS_COUNT"].flatMap(Int.init) ?? 20
    static let seed = ProcessInfo.processInfo.environment["RADIATA_FAULTS_SEED"].flatMap(UInt64.init) ?? 1

    static func runs(_ part: String) -> Bool { name == part || name == "all" }
}

/// What `make faults` runs: real processes under SIGKILL and SIGSTOP, crash points, a foreign program at the ledger.
@Suite("Fault campaign", .serialized, .enabled(if: FaultPart.name != nil, "run by `make faults`"))
struct FaultCampaign {

    /// Ten steps, a state every five, an adapter that tells its seed.
    private static let trainer = """
        #!/bin/sh
        out="$1"; seed="$2"; state="$3"
        step=0
        [ -n "$state" ] && step=$(cat "$state")
        while [ "$step" -lt 10 ]; do
            step=$((step + 1))
            echo "{\\"step\\": $step, \\"loss\\": $seed.$step, \\"rate\\": $step}" >> "$out/metrics.jsonl"
            if [ $((step % 5)) -eq 0 ]; then echo "$step" > "$out/new" && mv "$out/new" "$out/state-$step.txt"; fi
            sleep 0.05
        done
        echo "adapter of seed $seed" > "$out/new" && mv "$out/new" "$out/adapter-10.bin"
        """

    private func sweep(_ house: House, jobs: Int) throws -> String {
        let script = try house.folder.write("trainer.sh", Self.trainer, executable: true)
        return try house.folder.write(
            "sweep.yaml",
            """
            name: faults
            seeds: [\((1...jobs).map(String.init).joined(separator: ", "))]
            trainer:
              command: ["\(script)", "{out}", "{seed}"]
              resume: ["{checkpoint}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              checkpoints:
                - { glob: "{out}/state-*.txt", step: "state-([0-9]+)", kind: state }
                - { glob: "{out}/adapter-*.bin", step: "adapter-([0-9]+)", kind: adapter }
            retries: { killed: 1000, crash: 1000 }
            groups:
              - list: [ { lr: 1e-4 } ]
            """)
    }

    private func launch(_ house: House, jobs: Int) throws {
        let launched = try house.radiata(["launch", try sweep(house, jobs: jobs)])
        try #require(launched.status == 0, "\(launched)")
    }

    /// Every job done once, every step once, every adapter its own, and the ledger's own check clean.
    private func expectWhole(_ house: House, jobs: Int) throws {
        try house.eventually("all \(jobs) jobs are done", seconds: 300) {
            let states = try house.query("SELECT state, count(*) n FROM jobs GROUP BY state")
            return states.count == 1 && states[0]["state"] as? String == "done" ? nil : "\(states)"
        }
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == jobs)
        for key in ["loss", "rate"] {
            let wrong = try house.query(
                "SELECT job, count(*) n FROM metrics WHERE key = '\(key)' GROUP BY job HAVING n <> 10 OR count(DISTINCT step) <> 10 OR max(step) <> 10"
            )
            #expect(wrong.isEmpty, "\(key): \(wrong)")
        }
        #expect(try house.count("SELECT count(DISTINCT job) FROM metrics WHERE key = 'loss'") == jobs)
        let adapters = try house.query(
            "SELECT j.seed, count(DISTINCT c.sha256) n FROM jobs j JOIN checkpoints c ON c.job = j.id WHERE c.kind = 'adapter' GROUP BY j.seed"
        )
        #expect(adapters.count == jobs && adapters.allSatisfy { $0["n"] as? Int == 1 }, "\(adapters)")
        #expect(
            try house.count(
                "SELECT count(*) FROM (SELECT job FROM attempt WHERE outcome = 'done' GROUP BY job HAVING count(*) > 1)"
            )
                == 0)
        let checked = try house.radiata(["ledger", "check"])
        #expect(checked.status == 0, "\(checked)")
    }

    @Test(
        "SIGKILL of coordinator, workers and whole machines, and workers that sleep longer than their lease",
        .enabled(if: FaultPart.runs("kill")), .timeLimit(.minutes(60)))
    func kills() throws {
        let house = try House()
        var random = SplitMix(state: FaultPart.seed)
        try house.startCoordinator(lease: "2s")
        let jobs = max(12, FaultPart.count)
        try launch(house, jobs: jobs)
        var workers = try (0..<3).map { try house.startWorker("worker-\($0)") }
        var done = (coordinator: 0, worker: 0, machine: 0, zombie: 0)
        for _ in 0..<FaultPart.count {
            usleep(UInt32(200_000 + random.next() % 900_000))
            let index = Int(random.next() % 3)
            switch random.next() % 8 {
            case 0, 1:
                house.slay(try #require(house.coordinator))
                try house.startCoordinator(lease: "2s")
                done.coordinator += 1
            case 2, 3, 4:
                house.slay(workers[index])
                workers[index] = try house.startWorker("worker-\(index)")
                done.worker += 1
            case 5:
                house.slayMachine(workers[index], work: "\(house.folder.path)/worker-\(index)")
                workers[index] = try house.startWorker("worker-\(index)")
                done.machine += 1
            default:
                kill(workers[index].processIdentifier, SIGSTOP)
                usleep(3_500_000)
                kill(workers[index].processIdentifier, SIGCONT)
                done.zombie += 1
            }
        }
        try expectWhole(house, jobs: jobs)
        let attempts = try house.count("SELECT sum(attempts) FROM jobs")
        print("kills: \(done), \(jobs) jobs, \(attempts) attempts, seed \(FaultPart.seed)")
    }

    private static let points: [(point: String, inWorker: Bool)] = [
        ("worker.exchanged", true), ("worker.prepared", true), ("worker.started", true),
        ("worker.points-spooled", true),
        ("worker.report-spooled", true), ("worker.uploaded", true), ("worker.discarded", true),
        ("blob-verified", false),
        ("blob-renamed", false), ("ledger.begun", false), ("ledger.written", false), ("ledger.committed", false),
        ("ledger.checkpointed", false),
    ]

    @Test("every crash point, several times", .enabled(if: FaultPart.runs("points")), .timeLimit(.minutes(60)))
    func crashPoints() throws {
        var died = 0
        for (point, inWorker) in Self.points {
            for hit in 1...max(1, FaultPart.count / Self.points.count) {
                let house = try House()
                let faults = ["RADIATA_FAULTS": "1", "RADIATA_CRASH": "\(point):\(hit * hit)"]
                try house.startCoordinator(lease: "2s", environment: inWorker ? [:] : faults, mayDie: true)
                if try house.radiata(["launch", try sweep(house, jobs: 4)]).status != 0 { try restart(house) }
                try launch(house, jobs: 4)
                var worker = try house.startWorker("worker", environment: inWorker ? faults : [:])
                var ticks = 0
                // Whoever dies at the point is started again, without it.
                while ticks < 1200 {
                    if !worker.isRunning {
                        died += 1
                        worker = try house.startWorker("worker")
                    }
                    if let coordinator = house.coordinator, !coordinator.isRunning {
                        died += 1
                        try restart(house)
                    }
                    let left = try? house.count("SELECT count(*) FROM jobs WHERE state <> 'done'")
                    if left == 0 { break }
                    usleep(100_000)
                    ticks += 1
                }
                try expectWhole(house, jobs: 4)
            }
        }
        print("crash points: \(Self.points.count), deaths: \(died)")
        #expect(died > 0)
    }

    private func restart(_ house: House) throws {
        if let coordinator = house.coordinator { house.slay(coordinator) }
        try house.startCoordinator(lease: "2s")
    }

    @Test(
        "a foreign program opens and closes the ledger while the coordinator writes",
        .enabled(if: FaultPart.runs("foreign")), .timeLimit(.minutes(60)))
    func foreignProgram() throws {
        let house = try House()
        try house.startCoordinator(lease: "2s")
        let jobs = max(12, FaultPart.count / 10)
        try launch(house, jobs: jobs)
        _ = try (0..<2).map { try house.startWorker("worker-\($0)") }
        let reader = """
            import sqlite3, sys
            for i in range(\(FaultPart.count)):
                db = sqlite3.connect("file:\(house.data)/ledger.db?mode=ro" if i % 2 else "\(house.data)/ledger.db", uri=bool(i % 2), timeout=10)
                db.execute("SELECT count(*) FROM metric").fetchone()
                db.close()
            """
        let script = try house.folder.write("reader.py", reader)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", script]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        try expectWhole(house, jobs: jobs)
        // What was committed is still there after a SIGKILL and a fresh start.
        let points = try house.count("SELECT count(*) FROM metric")
        try restart(house)
        #expect(try house.count("SELECT count(*) FROM metric") == points)
        print("foreign opens: \(FaultPart.count), points: \(points)")
    }

    @Test(
        "a flipped bit in a blob is found by `ledger check`", .enabled(if: FaultPart.runs("bits")),
        .timeLimit(.minutes(30)))
    func bitFlips() throws {
        let house = try House()
        try house.startCoordinator(lease: "2s")
        try launch(house, jobs: 12)
        _ = try house.startWorker("worker")
        try expectWhole(house, jobs: 12)
        var random = SplitMix(state: FaultPart.seed)
        let root = house.data + "/blobs"
        let blobs = (FileManager.default.subpaths(atPath: root) ?? []).filter { $0.utf8.count == 65 }.sorted()
        try #require(!blobs.isEmpty)
        for _ in 0..<FaultPart.count {
            let path = "\(root)/\(blobs[Int(random.next() % UInt64(blobs.count))])"
            var bytes = try Data(contentsOf: URL(filePath: path))
            let bit = Int(random.next() % UInt64(bytes.count * 8))
            let old = bytes
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            try bytes.write(to: URL(filePath: path))
            let checked = try house.radiata(["ledger", "check"])
            #expect(checked.status == 1 && checked.output.contains("content"), "\(path): \(checked)")
            try old.write(to: URL(filePath: path))
        }
        #expect(try house.radiata(["ledger", "check"]).status == 0)
        print("bit flips: \(FaultPart.count), all found")
    }
}

/// Chance that a seed repeats.
struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
