import Foundation

/// The two batch scripts of a sweep on a Slurm cluster: an array of workers, and the coordinator where it is
/// a job too. Text in, text out.
package struct SlurmJob: Sendable {
    /// Name of the sweep.
    package var name: String
    /// How many workers, each on a node of its own or a part of one, as sbatch's options say.
    package var workers: Int
    /// Shared by all nodes: scripts, logs, the join file, the workers' own folders.
    package var folder: String
    /// Path of the program on the nodes.
    package var program: String
    /// sbatch's own options, as the user gave them.
    package var options: [String] = []
    /// Where each worker keeps its files; under `folder` if left out, so that a task that is requeued hands
    /// in what it had on another node.
    package var work: String?
    /// Further options of `radiata worker run`.
    package var workerOptions: [String] = []
    /// A worker ends after so long without anything to do.
    package var idle = "2m"
    /// Seconds before the time limit at which a worker begins to stop.
    package var margin = 180
    /// Whether a task whose time is over is put into the queue again.
    package var requeues = true
    /// The sweep file, where the coordinator is a job too; it launches the sweep itself.
    package var sweepFile: String?

    package init(name: String, workers: Int, folder: String, program: String) {
        self.name = name
        self.workers = workers
        self.folder = folder
        self.program = program
    }

    package var joinFile: String { folder + "/join.json" }
    package var adminToken: String { folder + "/coordinator/admin.token" }
    private var workFolder: String { work ?? folder + "/work" }

    // MARK: Scripts

    /// The array of workers.
    ///
    /// Slurm's signal comes before the time limit. Then the worker's trainers save their states, its jobs go
    /// back to the coordinator, and the task is put into the queue again. A task that is cancelled is not;
    /// one that is preempted is put back by Slurm itself.
    package var workerScript: String {
        let start = [
            program, "worker", "run", "--join-file", joinFile, "--work", "\(workFolder)/$task", "--name",
            "$SLURMD_NODENAME-$task", "--exit-when-idle", idle, "--farewell", "\(max(30, margin / 2))s",
        ]
        return """
            #!/bin/bash
            \(directives(log: "worker-%A_%a.log", array: true))
            # A worker of the sweep \(name). It ends when nothing is left for it.
            task="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}_${SLURM_ARRAY_TASK_ID:-0}"
            \(Self.supervision)
            \(Self.command(start + workerOptions)) &
            child=$!
            await_child
            \(requeues ? Self.requeue : "exit \"$status\"")

            """
    }

    /// The coordinator; nil where it is no job.
    package var coordinatorScript: String? {
        guard let sweepFile else { return nil }
        let run = [
            program, "coordinator", "run", "--data", folder + "/coordinator", "--listen", "0.0.0.0:0", "--join-file",
            joinFile,
        ]
        let client = ["--join-file", joinFile, "--token-file", adminToken]
        let ask = Self.command([program, "status"] + client)
        return """
            #!/bin/bash
            \(directives(log: "coordinator-%j.log", array: false))
            # The coordinator of the sweep \(name): writes its address into the folder that its workers share,
            # launches the sweep, and ends when nothing of it is left to do.
            \(Self.supervision)
            \(Self.command(run)) &
            coordinator=$!
            child=$coordinator
            until \(ask) > /dev/null 2>&1; do
                kill -0 "$coordinator" 2>/dev/null || exit 1
                sleep 1
            done
            \(Self.command([program, "launch", sweepFile, "--yes", "--watch"] + client)) &
            child=$!
            await_child
            sleep 5  # workers hear that there is nothing left
            kill -TERM "$coordinator"
            wait "$coordinator"
            \(Self.requeue)

            """
    }

    /// Waits for the child through signals. USR1 is Slurm's word that the time limit is near.
    private static let supervision = """
        limit=
        trap 'limit=1; kill -TERM "$child" 2>/dev/null' USR1
        canceled=
        trap 'canceled=1; kill -TERM "$child" 2>/dev/null' TERM
        await_child() {
            while :; do
                wait "$child"
                status=$?
                kill -0 "$child" 2>/dev/null || return
            done
        }
        """

    private static let requeue = """
        again=
        [ -z "$limit" ] || again="the time limit is near"
        # Killed, as by the kernel for want of memory; a few times, then something is wrong with the task.
        if [ -z "$canceled" ] && [ "$status" -gt 128 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
            again="it was killed (status $status)"
        fi
        if [ -n "$again" ]; then
            echo "$again: this task goes on when Slurm gives it time again"
            scontrol requeue "$SLURM_JOB_ID" && sleep 60
        fi
        exit "$status"
        """

    private func directives(log: String, array: Bool) -> String {
        var lines = [
            "--job-name=radiata-\(name)\(array ? "" : "-coordinator")", "--output=\(folder)/\(log)",
            "--open-mode=append", "--requeue", "--ntasks=1", "--signal=B:USR1@\(margin)",
        ]
        if array { lines.insert("--array=1-\(workers)", at: 1) }
        lines += Self.lines(array ? options : Self.shared(options))
        return lines.map { "#SBATCH \($0)" }.joined(separator: "\n")
    }

    // MARK: Options of sbatch

    /// One option a line: a word that begins with `-`, with the words up to the next one.
    static func lines(_ words: [String]) -> [String] {
        var lines: [[String]] = []
        for word in words {
            if word.hasPrefix("-") || lines.isEmpty {
                lines.append([word])
            } else {
                lines[lines.count - 1].append(word)
            }
        }
        return lines.map { $0.map(quoted).joined(separator: " ") }
    }

    /// Those that say where a job may run, not what it needs: the coordinator needs little.
    static func shared(_ words: [String]) -> [String] {
        let names = [
            "-p", "--partition", "-A", "--account", "-q", "--qos", "--reservation", "-t", "--time", "-M", "--clusters",
        ]
        var kept: [String] = []
        var isKept = false
        for word in words {
            if word.hasPrefix("-") {
                let name = String(word.prefix { $0 != "=" })
                isKept =
                    names.contains(name)
                    || names.contains { $0.count == 2 && name.hasPrefix($0) && !name.hasPrefix("--") }
            }
            if isKept { kept.append(word) }
        }
        return kept
    }

    private static func quoted(_ word: String) -> String {
        word.contains { $0 == " " || $0 == "\"" || $0 == "\t" }
            ? "\"\(word.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"" : word
    }

    /// Words for the shell. `$task` and the like stay what they are; everything else is taken as it stands.
    private static func command(_ words: [String]) -> String {
        words.map { word in
            if word.allSatisfy({ $0.isLetter || $0.isNumber || "/._-=:,@%+".contains($0) }), !word.isEmpty {
                return word
            }
            if word.contains("$") {
                return
                    "\"\(word.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("`", with: "\\`"))\""
            }
            return ShellWord.quoted(word)
        }.joined(separator: " ")
    }
}

/// Text as one word of a POSIX shell.
enum ShellWord {
    static func quoted(_ text: String) -> String {
        if !text.isEmpty, text.utf8.allSatisfy(isPlain) { return text }
        return "'\(text.replacing("'", with: "'\\''"))'"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "/._-=:,@%+".utf8.contains(byte)
        }
    }
}
