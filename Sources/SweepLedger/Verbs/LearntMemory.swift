import GRDB
import Ports
import RunSpec
import SweepModel

/// How much memory jobs of a kind were seen to need of a GPU: those that wait go to a GPU that has it, where
/// there is one.
enum LearntMemory {
    /// What is expected of a class; nil for nothing yet.
    static func expected(_ memoryClass: String, _ db: Database) throws -> Int? {
        try db.first("SELECT bytes FROM gpu_memory WHERE class = ?", [memoryClass])?[0]
    }

    /// Learns from an attempt that ended well: the most that one of its GPUs held.
    static func done(_ job: Int64, attempt number: Int, _ db: Database, now: WallTime) throws -> [JobChange] {
        guard let peak = try peak(job, number, db) else { return [] }
        return try learn(job, peak, db, now: now)
    }

    /// Learns from one that ran out of memory: more than the smallest GPU that it may have had.
    static func ranOut(
        _ job: Int64, attempt number: Int, on worker: WorkerID, _ db: Database, now: WallTime
    ) throws -> [JobChange] {
        let row = try db.first(
            "SELECT g.devices, j.requirements FROM worker_gpu g JOIN job j ON j.id = ? WHERE g.worker = ?",
            [job, worker.text])
        guard let row else { return [] }
        let needs = try RequirementSpec.stored(row["requirements"])
        let devices = try LedgerJSON.value([GPUDevice].self, row["devices"]).filter { $0.meets(needs) && $0.memory > 0 }
        guard let smallest = devices.map(\.memory).min() else { return [] }
        return try learn(job, max(Int(clamping: smallest) + 1, try peak(job, number, db) ?? 0), db, now: now)
    }

    private static func peak(_ job: Int64, _ number: Int, _ db: Database) throws -> Int? {
        let row = try db.first(
            """
            SELECT max(m.value) FROM attempt a JOIN metric m ON m.attempt = a.id
            WHERE a.job = ? AND a.number = ? AND m.key = (SELECT id FROM metric_key WHERE name = 'system/gpu_memory_mb')
            """, [job, number])
        return (row?[0] as Double?).map { Int($0 * 1e6) }
    }

    /// - Returns: the jobs that wait and now know more.
    private static func learn(_ job: Int64, _ bytes: Int, _ db: Database, now: WallTime) throws -> [JobChange] {
        guard let row = try db.first("SELECT class FROM memory_class WHERE job = ?", [job]) else { return [] }
        let own: String = row[0]
        guard try expected(own, db) ?? 0 < bytes else { return [] }
        try db.change(
            """
            INSERT INTO gpu_memory (class, bytes, attempts) VALUES (?, ?, 1)
            ON CONFLICT DO UPDATE SET bytes = excluded.bytes, attempts = attempts + 1
            """, [own, bytes])
        return try db.all(
            """
            UPDATE job SET requirements = json_set(requirements, '$.expectedGPUMemory', ?2)
            WHERE state = 'waiting' AND id IN (SELECT job FROM memory_class WHERE class = ?1)
            RETURNING id, identity, priority, requirements, ready_at, avoid
            """, [own, bytes]
        ).map { row in
            let readyAt: Int64? = row["ready_at"]
            return JobChange(
                row: row["id"], job: try JobID.stored(row["identity"]), state: .waiting, priority: row["priority"],
                needs: try RequirementSpec.stored(row["requirements"]),
                delaySeconds: max(0, Double((readyAt ?? 0) - now.milliseconds) / 1000),
                avoid: (row["avoid"] as String?).map { WorkerID($0) }, isHeld: try JobHold.holds(row["id"], db))
        }
    }
}
