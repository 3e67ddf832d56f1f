package import GRDB
package import Ports
import RunSpec

/// One picture that stands for what a job had learned at a place of its training.
package struct VotedPicture: Hashable, Sendable {
    /// The job's id.
    package var job: String
    /// The checkpoint's name, or `step-N` of a sample.
    package var place: String

    package init(job: String, place: String) {
        self.job = job
        self.place = place
    }
}

/// Which of two pictures of one prompt a person preferred. Not idempotent: to prefer it twice is two votes.
package struct CastVote: LedgerVerb {
    package enum Choice: String, Sendable, CaseIterable { case left, right, tie }

    let sweep: String
    let actor: String
    let left: VotedPicture
    let right: VotedPicture
    let series: String
    let choice: Choice
    let now: WallTime

    /// - Parameters:
    ///   - actor: id of the token, never its text.
    ///   - series: what the two have in common: the prompt, as a rule.
    package init(
        sweep: String, actor: String, left: VotedPicture, right: VotedPicture, series: String, choice: Choice,
        now: WallTime
    ) {
        self.sweep = sweep
        self.actor = actor
        self.left = left
        self.right = right
        self.series = series
        self.choice = choice
        self.now = now
    }

    /// - Throws: `LedgerError` `notFound` for the sweep or a job that it does not have, `invalid` for a
    ///   picture against itself.
    package func run(_ db: Database) throws {
        guard left != right else { throw LedgerError(.invalid, "a vote is between two pictures, and these are one") }
        guard [left.place, right.place, series].allSatisfy({ $0.utf8.count <= 256 }) else {
            throw LedgerError(.invalid, "a vote's names have at most 256 bytes each")
        }
        guard let found = try db.first("SELECT id FROM sweep WHERE name = ?", [sweep]) else {
            throw LedgerError(.notFound, "no sweep '\(sweep)'; `radiata status` lists them")
        }
        let id: Int64 = found[0]
        let (left, right) = (try row(left, id, db), try row(right, id, db))
        try db.change(
            """
            INSERT INTO vote (sweep, at, actor, left_job, left_place, right_job, right_place, series, outcome)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                id, now.milliseconds, actor, left, self.left.place, right, self.right.place, series,
                choice.rawValue,
            ])
    }

    private func row(_ picture: VotedPicture, _ sweep: Int64, _ db: Database) throws -> Int64 {
        let row = try JobLookup.row(picture.job, db)
        guard try db.first("SELECT 1 FROM member WHERE sweep = ? AND job = ?", [sweep, row]) != nil else {
            throw LedgerError(.notFound, "job \(picture.job.prefix(8)) is not one of \(self.sweep)")
        }
        return row
    }
}

/// What the votes say of each checkpoint, written among its evaluations as the metric `votes`: then rankings,
/// reports and queries have it like any other. Naturally idempotent.
package struct StoreVoteScores: LedgerVerb {
    package struct Score: Sendable, Equatable {
        package var picture: VotedPicture
        /// The chance to be preferred to an average one.
        package var value: Double
        /// Votes behind it.
        package var votes: Int

        package init(picture: VotedPicture, value: Double, votes: Int) {
            self.picture = picture
            self.value = value
            self.votes = votes
        }
    }

    package static let metric = "votes"

    let scores: [Score]

    package init(scores: [Score]) { self.scores = scores }

    /// - Returns: how many were stored; a picture whose checkpoint is gone has no place for one.
    /// - Throws: `LedgerError`, `DatabaseError`.
    package func run(_ db: Database) throws -> Int {
        var stored = 0
        for score in scores {
            guard let place = try place(score.picture, db) else { continue }
            try db.change(
                """
                INSERT INTO evaluation (attempt, checkpoint, epoch, step, class, prompts, metric, value, n)
                VALUES (?1, ?2, ?3, ?4, '', '', ?5, ?6, ?7)
                ON CONFLICT (attempt, checkpoint, prompts, class, metric)
                DO UPDATE SET value = excluded.value, n = excluded.n
                """,
                [place.attempt, score.picture.place, place.epoch, place.step, Self.metric, score.value, score.votes])
            let row = EvaluationRow(
                checkpoint: score.picture.place, epoch: place.epoch, step: place.step, class: "", prompts: "",
                metric: Self.metric, value: score.value, n: score.votes)
            try ResultMean.store(row, of: try JobLookup.row(score.picture.job, db), db)
            stored += 1
        }
        return stored
    }

    /// The attempt whose checkpoint, or whose picture at that step, it is.
    private func place(_ picture: VotedPicture, _ db: Database) throws -> (attempt: Int64, epoch: Int, step: Int)? {
        let job = try JobLookup.row(picture.job, db)
        let checkpoint = try db.first(
            """
            SELECT v.attempt, c.epoch, c.step FROM visible_checkpoint v JOIN checkpoint c ON c.id = v.checkpoint
            WHERE v.job = ?1 AND c.name = ?2 ORDER BY v.number DESC LIMIT 1
            """, [job, picture.place])
        if let checkpoint { return (checkpoint[0], checkpoint[1], checkpoint[2]) }
        guard picture.place.hasPrefix("step-"), let step = Int(picture.place.dropFirst(5)) else { return nil }
        let span = try db.first(
            """
            SELECT attempt FROM span WHERE job = ?1 AND low < ?2 AND high >= ?2 ORDER BY number DESC LIMIT 1
            """, [job, step])
        return span.map { ($0[0], 0, step) }
    }
}
