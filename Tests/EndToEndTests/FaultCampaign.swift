import Foundation
import TestSupport
import Testing

/// What of the campaign runs: `RADIATA_FAULTS_PART` names the part, without it none does.
enum FaultPart {
    static let name = ProcessInfo.processInfo.environment["RADIATA_FAULTS_PART"]
    static let count = ProcessInfo.processInfo.environment["RADIATA_FAULTS_COUNT"].flatMap(Int.init) ?? 20
    static let seed = ProcessInfo.processInfo.environment["RADIATA_FAULTS_SEED"].flatMap(UInt64.init) ?? 1

    static func runs(_ part: String) -> Bool { name == part || name == "all" }
}

/// The part of `make faults` that needs crash points and blobs; kills, networks and foreign programs are
/// `Tests/Campaign`.
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
                "SELECT job, count(*) n FROM metrics WHERE key = '\(key)' GROUP BY job HAVING n <> 10 OR "
                    + "count(DISTINCT step) <> 10 OR max(step) <> 10"
            )
            #expect(wrong.isEmpty, "\(key): \(wrong)")
        }
        #expect(try house.count("SELECT count(DISTINCT job) FROM metrics WHERE key = 'loss'") == jobs)
        let adapters = try house.query(
            "SELECT j.seed, count(DISTINCT c.sha256) n FROM jobs j JOIN checkpoints c ON c.job = j.id WHERE "
                + "c.kind = 'adapter' GROUP BY j.seed"
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

    private static let points: [(point: String, inWorker: Bool)] = [
        ("worker.exchanged", true), ("worker.prepared", true), ("worker.started", true),
        ("worker.points-spooled", true), ("worker.report-spooled", true), ("worker.uploaded", true),
        ("worker.discarded", true), ("blob-verified", false),
        ("blob-renamed", false), ("ledger.begun", false), ("ledger.written", false), ("ledger.committed", false),
        ("ledger.checkpointed", false),
    ]

    @Test("every crash point, several times", .enabled(if: FaultPart.runs("points")), .timeLimit(.minutes(60)))
    func crashPoints() throws {
        var deaths: [String: Int] = [:]
        for (point, inWorker) in Self.points {
            for hit in 1...max(1, FaultPart.count / Self.points.count) {
                deaths[point, default: 0] += try crash(at: point, hit: hit * hit, inWorker: inWorker)
            }
        }
        print("crash points: \(Self.points.count), deaths: \(deaths.values.reduce(0, +)) \(deaths)")
        // The first time a point is reached it is deadly, and every point is reached.
        for (point, _) in Self.points { #expect(deaths[point, default: 0] > 0, "nobody died at \(point)") }
    }

    /// - Returns: how many processes died.
    private func crash(at point: String, hit: Int, inWorker: Bool) throws -> Int {
        let house = try House()
        let faults = ["RADIATA_FAULTS": "1", "RADIATA_CRASH": "\(point):\(hit)"]
        try house.startCoordinator(lease: "2s", environment: inWorker ? [:] : faults, mayDie: true)
        var died = 0
        if try house.radiata(["launch", try sweep(house, jobs: 4)]).status != 0 {
            died += 1
            try restart(house)
        }
        try launch(house, jobs: 4)
        var worker = try house.startWorker("worker", environment: inWorker ? faults : [:])
        // Whoever dies at the point is started again, without it.
        try house.eventually("all jobs are done", seconds: 120) {
            if !worker.isRunning {
                died += 1
                worker = try house.startWorker("worker")
            }
            if let coordinator = house.coordinator, !coordinator.isRunning {
                died += 1
                try restart(house)
            }
            // Not by `count`, which takes no answer for a failure: it may die right now.
            let answer = try house.radiata(["query", "SELECT id FROM jobs WHERE state <> 'done'", "--format", "json"])
            guard answer.status == 0 else { return answer.messages }
            return answer.output.filter { !$0.isWhitespace } == "[]" ? nil : answer.output
        }
        try expectWhole(house, jobs: 4)
        // The end has points too: the log is copied into the file.
        if let coordinator = house.coordinator {
            coordinator.terminate()
            coordinator.waitUntilExit()
            if coordinator.terminationReason == .uncaughtSignal { died += 1 }
        }
        try house.startCoordinator(lease: "2s")
        try expectWhole(house, jobs: 4)
        return died
    }

    private func restart(_ house: House) throws {
        if let coordinator = house.coordinator { house.slay(coordinator) }
        try house.startCoordinator(lease: "2s")
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
