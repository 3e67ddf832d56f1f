import GRDB
import Ports
import SweepModel

/// Stops sweeps before their budget is spent: nothing of them is handed out once what was taken, what runs,
/// and one job more would be beyond it.
///
/// How long a job takes is what the sweep's own finished jobs took on average. Before the first has finished
/// it is what the longest of its running attempts has taken so far.
struct BudgetWatch {
    let now: WallTime

    private static let hour = 3_600_000.0
    /// How the reason of such a stop begins.
    static let reasonPrefix = "its budget of "

    /// Looks at the sweeps of a job that is about to be handed out.
    ///
    /// - Parameter worker: who would get it: what its slot costs counts.
    /// - Returns: jobs that are held from now on, for those who keep jobs in memory.
    func weigh(job: Int64, worker: WorkerID, _ db: Database) throws -> [JobChange] {
        let rows = try db.all(
            """
            SELECT b.* FROM member m JOIN sweep_budget b ON b.sweep = m.sweep JOIN sweep s ON s.id = m.sweep
            WHERE m.job = ? AND s.state = 'active' AND NOT EXISTS (SELECT 1 FROM sweep_stop p WHERE p.sweep = m.sweep)
            """, [job])
        guard !rows.isEmpty else { return [] }
        let price = try Self.price(of: worker, db) ?? 0
        var held: [JobChange] = []
        for row in rows {
            guard let reason = try reason(row, price: price, db) else { continue }
            held += try SweepHold.stop(row["sweep"], reason: reason, db, now: now)
        }
        return held
    }

    /// Why a job more would be too much; nil where it is not.
    private func reason(_ row: Row, price: Double, _ db: Database) throws -> String? {
        let open = try open(row, db)
        let done: Int = row["done"]
        let each =
            done > 0
            ? Double(row["done_time"] as Int64) / Double(done) : open.map(\.taken).max() ?? 0
        var time = Double(row["spent_time"] as Int64) + each
        var money = (row["spent_money"] as Double) + each * price
        for attempt in open {
            let whole = max(attempt.taken, each)
            time += whole
            money += whole * attempt.price
        }
        func text(_ spent: Double, _ limit: Double, _ unit: String) -> String {
            "\(Self.reasonPrefix)\(SweepBudget.digits(limit)) \(unit) would not do for one job more: "
                + "\(SweepBudget.digits(spent)) \(unit) with it"
        }
        if let hours = row["hours"] as Double?, time / Self.hour > hours { return text(time / Self.hour, hours, "h") }
        if let most = row["money"] as Double?, money / Self.hour > most {
            return text(money / Self.hour, most, "of money")
        }
        return nil
    }

    private func open(_ row: Row, _ db: Database) throws -> [(taken: Double, price: Double)] {
        try db.all(
            """
            SELECT a.started, coalesce(p.price, 0) AS price FROM attempt a JOIN member m ON m.job = a.job AND m.sweep = ?1
            LEFT JOIN attempt_price p ON p.attempt = a.id WHERE a.ended IS NULL AND a.started >= ?2
            """, [row["sweep"] as Int64, row["since"] as Int64]
        ).map { (Double(max(0, now.milliseconds - ($0["started"] as Int64))), $0["price"]) }
    }

    /// What an hour of one of the worker's slots costs.
    static func price(of worker: WorkerID, _ db: Database) throws -> Double? {
        guard let row = try db.first("SELECT labels, slots FROM worker WHERE id = ?", [worker.text]) else { return nil }
        return try price(labels: row["labels"], slots: row["slots"])
    }

    /// - Parameters:
    ///   - labels: of a worker, as JSON.
    ///   - slots: that it has.
    static func price(labels: String, slots: Int) throws -> Double? {
        guard labels != "{}", labels.contains(PriceLabel.name) else { return nil }
        return PriceLabel.ofSlot(try LedgerJSON.value([String: String].self, labels), slots: slots)
    }

    /// What a sweep may take and has taken; nil where it has no budget.
    static func standing(_ sweep: Int64, _ db: Database, now: WallTime) throws -> BudgetStanding? {
        guard let row = try db.first("SELECT * FROM sweep_budget WHERE sweep = ?", [sweep]) else { return nil }
        let open = try BudgetWatch(now: now).open(row, db)
        let time = open.reduce(Double(row["spent_time"] as Int64)) { $0 + $1.taken }
        let money = open.reduce(row["spent_money"] as Double) { $0 + $1.taken * $1.price }
        return BudgetStanding(
            budget: SweepBudget(hours: row["hours"], money: row["money"]), hours: time / hour, money: money / hour)
    }

    /// Sets what a sweep may take; what it has taken stays.
    ///
    /// - Parameter budget: nil for no limit any more.
    static func set(_ budget: SweepBudget?, of sweep: Int64, _ db: Database, now: WallTime) throws {
        guard let budget, !budget.isEmpty else {
            return try db.change("DELETE FROM sweep_budget WHERE sweep = ?", [sweep])
        }
        try db.change(
            """
            INSERT INTO sweep_budget (sweep, hours, money, since) VALUES (?, ?, ?, ?)
            ON CONFLICT (sweep) DO UPDATE SET hours = excluded.hours, money = excluded.money
            """, [sweep, budget.hours, budget.money, now.milliseconds])
    }

    /// Which budget a sweep has; nil for none.
    static func budget(of sweep: Int64, _ db: Database) throws -> SweepBudget? {
        try db.first("SELECT hours, money FROM sweep_budget WHERE sweep = ?", [sweep])
            .map { SweepBudget(hours: $0["hours"], money: $0["money"]) }
    }
}
