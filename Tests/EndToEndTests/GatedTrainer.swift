import Foundation
import Glibc
import TestSupport
import Testing

/// A trainer in shell: ten steps, a state every five. Without a state to go on from, a seed that has a gate
/// stops after step 5 until it opens.
enum GatedTrainer {
    private static let script = """
        #!/bin/sh
        out="$1"; seed="$2"; gate="$3"; state="$4"
        step=0
        [ -n "$state" ] && step=$(cat "$state")
        while [ "$step" -lt 10 ]; do
            step=$((step + 1))
            echo "{\\"step\\": $step, \\"loss\\": 0.$step}" >> "$out/metrics.jsonl" ||
                { echo "No space left on device" >&2; exit 1; }
            if [ $((step % 5)) -eq 0 ]; then
                echo "$step" > "$out/unfinished" && mv "$out/unfinished" "$out/state-$step.txt"
            fi
            if [ "$step" -eq 5 ] && [ -z "$state" ] && [ -p "$gate-$seed" ]; then read -r _ < "$gate-$seed"; fi
        done
        echo "adapter of seed $seed" > "$out/unfinished" && mv "$out/unfinished" "$out/adapter-10.bin"
        """

    /// Writes the trainer, and a sweep of it with one configuration.
    ///
    /// - Returns: the path of the sweep's file, `NAME.yaml`.
    static func sweep(
        in folder: TemporaryFolder, _ name: String, seeds: ClosedRange<Int> = 1...1, rate: String = "1e-4"
    ) throws -> String {
        let script = try folder.write("trainer.sh", script, executable: true)
        return try folder.write(
            "\(name).yaml",
            """
            name: \(name)
            seeds: [\(seeds.map { String($0) }.joined(separator: ", "))]
            trainer:
              command: ["\(script)", "{out}", "{seed}", "\(folder.path)/gate"]
              resume: ["{checkpoint}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              checkpoints:
                - { glob: "{out}/state-*.txt", step: "state-([0-9]+)", kind: state }
                - { glob: "{out}/adapter-*.bin", step: "adapter-([0-9]+)", kind: adapter }
            groups: [ { list: [ { lr: \(rate) } ] } ]
            """)
    }

    static func makeGates(in folder: TemporaryFolder, seeds: [Int] = [1]) throws {
        for seed in seeds { try #require(mkfifo("\(folder.path)/gate-\(seed)", 0o600) == 0) }
    }

    /// Opens a gate for a trainer that waits there; a writer that nobody reads from would wait for ever.
    ///
    /// - Returns: why it is not open; nil where it is.
    static func tryGate(in folder: TemporaryFolder, seed: Int = 1) -> String? {
        let path = "\(folder.path)/gate-\(seed)"
        let descriptor = open(path, O_WRONLY | O_NONBLOCK)
        guard descriptor >= 0 else { return "nobody reads \(path)" }
        defer { close(descriptor) }
        return write(descriptor, "go\n", 3) == 3 ? nil : "\(path) takes nothing"
    }

    static func openGate(_ house: House, seed: Int = 1) throws {
        try house.eventually("a trainer waits at gate \(seed)") { tryGate(in: house.folder, seed: seed) }
    }
}
