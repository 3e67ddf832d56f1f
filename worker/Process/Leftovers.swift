import CProcess
import Glibc
import Ports

/// Processes of an earlier run of this worker, found by pid and start time, so that a pid used again names
/// nobody else.
enum Leftovers {
    /// Waits for the earlier guard, which ends its trainers politely by itself; then ends what is left by
    /// force.
    static func end(_ folder: WorkFolder, files: any FileStore, patience: Duration) throws {
        if let old = try record(folder.guardRecord, files), old.isAlive {
            if cprocess_wait_gone(old.pid, old.startTicks, Int32(clamping: patience.milliseconds)) != 0 {
                kill(old.pid, SIGKILL)
            }
        }
        for name in try files.list(folder.attempts) {
            try end(AttemptPlace(path: "\(folder.attempts)/\(name)").process, files)
        }
        guard try files.exists(folder.metrics) else { return }
        for name in try files.list(folder.metrics) { try end("\(folder.metrics)/\(name)/process", files) }
        try files.remove(folder.metrics)
    }

    private static func end(_ file: String, _ files: any FileStore) throws {
        if let trainer = try record(file, files), trainer.isAlive {
            kill(-trainer.pid, SIGKILL)
            _ = cprocess_wait_gone(trainer.pid, trainer.startTicks, 5000)
        }
        // What left the trainer's session goes by its mark: its keeper, which knew it, may be gone too.
        cprocess_end_marked(file)
    }

    private struct Identity {
        let pid: Int32
        let startTicks: UInt64

        var isAlive: Bool { cprocess_start_ticks(pid) == startTicks }
    }

    /// What stands in a record file; nil if there is none, or it is damaged.
    private static func record(_ path: String, _ files: any FileStore) throws -> Identity? {
        guard try files.exists(path) else { return nil }
        // The first line: behind it may be left what was there before.
        let fields = try files.readText(path).prefix { $0 != "\n" }.split { $0.isWhitespace }
        guard fields.count == 2, let pid = Int32(fields[0]), pid > 1, let ticks = UInt64(fields[1]), ticks > 0 else {
            return nil
        }
        return Identity(pid: pid, startTicks: ticks)
    }
}
