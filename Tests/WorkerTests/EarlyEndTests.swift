import Foundation
import Glibc
import Ports
import SweepClient
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker

@Suite("Jobs that have trained enough", .serialized)
struct EarlyEndTests {
    /// Its loss falls to step 3 and rises then; an adapter every second step; it waits at step 8 for its end,
    /// which `TERM` is, without writing anything more.
    private let script = """
        #!/bin/sh
        out="$1"; step=0
        [ -n "$2" ] && step=$(cat "$2")
        trap 'exit 143' TERM
        while [ $step -lt 100 ]; do
            step=$((step + 1))
            loss=$step; [ $step -le 3 ] && loss=$((10 - step * 3))
            if [ $((step % 2)) -eq 0 ]; then
                echo "adapter $step" > "$out/part"; mv "$out/part" "$out/adapter-$step.txt"
                echo $step > "$out/part"; mv "$out/part" "$out/state-$step.txt"
            fi
            echo "{\\"step\\": $step, \\"loss\\": $loss}" >> "$out/metrics.jsonl"
            if [ $step -eq 8 ]; then touch "{folder}/waits"; while :; do sleep 0.05; done; fi
        done
        """
    private let sweep = """
        name: early
        trainer:
          command: [sh, "{folder}/trainer.sh", "{out}"]
          resume: ["{checkpoint}"]
          metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
          checkpoints:
            - { glob: "{out}/state-*.txt", step: "state-([0-9]+)", kind: state }
            - { glob: "{out}/adapter-*.txt", step: "adapter-([0-9]+)", kind: adapter }
        stop_when: { metric: loss, patience: 2 }
        groups: [ { list: [ { lr: 1e-4 } ] } ]
        """

    @Test("a trainer that would go on for ever is ended, and its newest adapter is the job's result")
    func ends() async throws {
        let cluster = try await Cluster()
        try await cluster.launch(sweep, script: script)
        let worker = try cluster.worker()
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]) == [["done", "1", "null"]])
        let decisions = try await cluster.query("SELECT step, reason FROM stop_decision")
        let decision = try #require(decisions.first)
        #expect(decision[0] == "5", "loss is 7, 4, 1, then 4, 5")
        #expect(decision[1].contains("since 1.0 at step 3"))
        let finals = try await cluster.query("SELECT step FROM checkpoints WHERE kind = 'adapter' AND final = 1")
        let newest = try await cluster.query("SELECT max(step) FROM checkpoints WHERE kind = 'adapter'")
        #expect(finals == newest && finals.count == 1)
        let id = try await cluster.query("SELECT id FROM jobs")[0][0]
        let detail = try await cluster.client.call(.job, JobRequest(job: id))
        #expect(detail.events.contains { $0.kind == "enough" && $0.detail.contains("enough at step 5") })
        try await worker.stop()
        await cluster.stop()
    }
}
