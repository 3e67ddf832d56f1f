import Foundation
import TestSupport
import Testing

/// Real processes, real HTTP, real SQLite, SIGKILL: nothing is lost and nothing is there twice.
@Suite("Killed processes", .serialized)
struct KillTests {
    /// A trainer in shell: ten steps, a state every five. Without a state to go on from, seeds 1 and 2 stop
    /// after step 5 until their gate opens.
    private static let trainer = """
        #!/bin/sh
        out="$1"; seed="$2"; gate="$3"; state="$4"
        step=0
        [ -n "$state" ] && step=$(cat "$state")
        while [ "$step" -lt 10 ]; do
            step=$((step + 1))
            echo "{\\"step\\": $step, \\"loss\\": 0.$step}" >> "$out/metrics.jsonl"
            if [ $((step % 5)) -eq 0 ]; then
                echo "$step" > "$out/unfinished"
                mv "$out/unfinished" "$out/state-$step.txt"
            fi
            if [ "$step" -eq 5 ] && [ -z "$state" ] && [ -p "$gate-$seed" ]; then read -r _ < "$gate-$seed"; fi
        done
        echo "adapter of seed $seed" > "$out/unfinished"
        mv "$out/unfinished" "$out/adapter-10.bin"
        """

    private func prepare(_ house: House) throws -> String {
        let script = try house.folder.write("trainer.sh", Self.trainer, executable: true)
        let gate = house.folder.path + "/gate"
        for seed in [1, 2] { try #require(mkfifo("\(gate)-\(seed)", 0o600) == 0) }
        return try house.folder.write(
            "sweep.yaml",
            """
            name: killed
            seeds: [1, 2, 3]
            trainer:
              command: ["\(script)", "{out}", "{seed}", "\(gate)"]
              resume: ["{checkpoint}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              checkpoints:
                - { glob: "{out}/state-*.txt", step: "state-([0-9]+)", kind: state }
                - { glob: "{out}/adapter-*.bin", step: "adapter-([0-9]+)", kind: adapter }
            groups:
              - list: [ { lr: 1e-4 } ]
            """)
    }

    /// Opens a gate for a trainer that waits there; a writer that nobody reads from would wait for ever.
    private func open(_ house: House, seed: Int) throws {
        let path = "\(house.folder.path)/gate-\(seed)"
        try house.eventually("a trainer waits at gate \(seed)") {
            let descriptor = Glibc.open(path, O_WRONLY | O_NONBLOCK)
            guard descriptor >= 0 else { return "nobody reads \(path)" }
            defer { close(descriptor) }
            _ = write(descriptor, "go\n", 3)
            return nil
        }
    }

    @Test("a worker killed in mid-job and the coordinator in mid-sweep cost nothing", .timeLimit(.minutes(15)))
    func workerAndCoordinatorKilled() throws {
        let house = try House()
        try house.startCoordinator()
        let file = try prepare(house)
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")

        // Seed 1 stands at its gate with a committed state; its worker dies.
        let first = try house.startWorker("worker-a")
        try house.eventually("the first state is committed") {
            try house.count("SELECT count(*) FROM checkpoints") >= 1 ? nil : house.log("worker-a-2")
        }
        house.slay(first)

        // Another worker takes over; the coordinator dies while seed 2 stands at its gate.
        _ = try house.startWorker("worker-b")
        try house.eventually("seed 2 has a state") {
            let found = try house.count(
                "SELECT count(*) FROM checkpoints c JOIN jobs j ON j.id = c.job WHERE j.seed = 2 AND c.step = 5")
            return found >= 1 ? nil : "\(try house.query("SELECT substr(id,1,8) id, seed, state, attempts FROM jobs"))"
        }
        house.slay(try #require(house.coordinator))
        try open(house, seed: 2)
        try house.startCoordinator()

        try house.eventually("all jobs are done") {
            let states = try house.query("SELECT seed, state, attempts, failure FROM jobs ORDER BY seed")
            return states.allSatisfy { $0["state"] as? String == "done" } ? nil : "\(states)"
        }
        try expectNothingLostOrDoubled(house)
    }

    private func expectNothingLostOrDoubled(_ house: House) throws {
        #expect(try house.count("SELECT count(*) FROM jobs") == 3)
        // Every job has each step exactly once, whichever attempts it took.
        let steps = try house.query(
            "SELECT job, count(*) n, count(DISTINCT step) d, min(step) low, max(step) high FROM metrics WHERE key='loss' GROUP BY job"
        )
        #expect(steps.count == 3)
        for row in steps {
            #expect(
                row["n"] as? Int == 10 && row["d"] as? Int == 10 && row["low"] as? Int == 1 && row["high"] as? Int == 10
            )
        }
        #expect(try house.count("SELECT count(*) FROM checkpoints WHERE kind = 'adapter'") == 3)
        // The killed job went on from its state instead of starting over.
        let killed = try #require(try house.query("SELECT id, attempts FROM jobs WHERE seed = 1").first)
        #expect(killed["attempts"] as? Int == 2)
        let id = try #require(killed["id"] as? String)
        let detail = try house.radiata(["show", id, "--format", "json"])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(detail.output.utf8)) as? [String: Any])
        let attempts = try #require(object["attempts"] as? [[String: Any]])
        #expect(attempts.map { $0["resumedStep"] as? Int } == [0, 5], "\(attempts)")
        // The undisturbed one was not touched by any of it.
        #expect(try house.count("SELECT attempts FROM jobs WHERE seed = 3") == 1)
    }
}
