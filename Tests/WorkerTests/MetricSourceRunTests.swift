import Foundation
import Ports
import SweepClient
import TestSupport
import Testing
import Worker

@Suite("Trackers' files of a running trainer", .serialized)
struct MetricSourceRunTests {
    /// Writes what real trackers wrote, in pieces that end inside of records. The first attempt saves its
    /// state and waits; the one that goes on from it counts its steps from 0 again.
    private let script = """
        #!/bin/sh
        out="$1"; state="$2"; from="{fixtures}"
        trap 'exit 75' TERM
        logs="$out/logs/20260101000000/network_train"; mkdir -p "$logs"
        if [ -z "$state" ]; then
            file="$logs/events.out.tfevents.1700000000.host.0"
            size=0
            while [ $size -lt 13000 ]; do
                tail -c +$((size + 1)) "$from/torch/events.out.tfevents.1700000000.host.0" | head -c 1237 >> "$file"
                size=$((size + 1237))
                sleep 0.02
            done
            mkdir -p "$out/wandb/offline-run-1"
            head -c 40000 "$from/wandb/run-fixture1.wandb" > "$out/wandb/offline-run-1/run-fixture1.wandb"
            tail -c +40001 "$from/wandb/run-fixture1.wandb" >> "$out/wandb/offline-run-1/run-fixture1.wandb"
            cp "$from/loss_log.db-wal" "$out/loss_log.db-wal"
            cp "$from/loss_log.db" "$out/part"; mv "$out/part" "$out/loss_log.db"
            printf 'step,rows\\n1,10\\n2,20\\n' > "$out/metrics.csv"
            printf 'bar 1/2 loss=4\\rbar 2/2 loss=2\\n'
            echo 20 > "$out/part"; mv "$out/part" "$out/state-20.txt"
            while :; do sleep 0.05; done
        fi
        cp "$from/torch/events.out.tfevents.1700000003.host.3" "$logs/"
        echo done > "$out/part"; mv "$out/part" "$out/adapter-44.txt"
        """
    private let sweep = """
        name: trackers
        seeds: [1]
        trainer:
          command: [sh, "{folder}/trainer.sh", "{out}"]
          resume: ["{checkpoint}"]
          metrics:
            - { tfevents: "{out}/logs", step: { base: attempt }, map: { loss/average: loss, odd: null } }
            - { wandb: "{out}/wandb", map: { loss: wandb/loss } }
            - { sqlite: "{out}/loss_log.db", map: { loss/loss: db/current, learning_rate: db/lr } }
            - { csv: "{out}/metrics.csv" }
            - { stdout: 'bar (?<step>[0-9]+)/2 loss=(?<printed_loss>[0-9.]+)' }
          checkpoints:
            - { glob: "{out}/state-*.txt", step: "state-([0-9]+)", kind: state }
            - { glob: "{out}/adapter-*.txt", step: "adapter-([0-9]+)", kind: adapter }
          stop: { signal: TERM, grace: 5s }
        groups: [ { list: [ { lr: 1e-4 } ] } ]
        """

    @Test("every point of every source arrives once, at the training step, over two attempts; pictures are samples")
    func twoAttempts() async throws {
        let cluster = try await Cluster()
        let fixtures = SourceTree.path("Tests/TrainerFilesTests/Fixtures")
        try await cluster.launch(sweep, script: script.replacingOccurrences(of: "{fixtures}", with: fixtures))
        let first = try cluster.worker("first")
        #expect(
            try await eventually {
                try await cluster.query("SELECT count(*) FROM checkpoints WHERE kind = 'state'") == [["1"]]
            })
        try await first.stop()
        let second = try cluster.worker("second")
        #expect(try await cluster.jobs(reach: ["done", "failed"]) == [["done", "2", "null"]])
        func steps(_ key: String) async throws -> [Int] {
            try await cluster.query("SELECT step FROM metrics WHERE key = '\(key)' ORDER BY step").compactMap {
                Int($0[0])
            }
        }
        #expect(try await steps("loss") == Array(1...20))
        #expect(try await steps("loss/current") == Array(1...20) + Array(36...44))
        #expect(try await steps("loss/epoch_average") == [5, 10, 15, 20])
        #expect(try await steps("loss/epoch_average/epoch") == [1, 2, 3, 4])
        #expect(try await steps("odd").isEmpty)
        // What lies behind the state was done again.
        #expect(try await steps("wandb/loss") == Array(0...20))
        #expect(try await steps("db/lr") == Array(0...9))
        #expect(try await steps("rows") == [1, 2])
        #expect(try await steps("printed_loss") == [1, 2])
        #expect(
            try await cluster.query("SELECT kind, name, bytes > 60 FROM artifacts") == [
                ["sample", "sample_cat_00000010.png", "1"]
            ])
        try await second.stop()
        await cluster.stop()
    }
}
