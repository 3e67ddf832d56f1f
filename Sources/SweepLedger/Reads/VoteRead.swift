import GRDB

/// How often one picture was preferred to another.
package struct VoteCount: Hashable, Sendable {
    package var left: VotedPicture
    package var right: VotedPicture
    package var leftWins: Int
    package var rightWins: Int
    package var ties: Int
}

extension Ledger {
    /// The votes of a sweep, counted by pair; left and right as they were shown.
    ///
    /// - Throws: `DatabaseError`.
    package func votes(sweep: String) async throws -> [VoteCount] {
        try await read { db in
            try db.all(
                """
                SELECT l.identity, v.left_place, r.identity, v.right_place, sum(v.outcome = 'left'),
                    sum(v.outcome = 'right'), sum(v.outcome = 'tie')
                FROM sweep s JOIN vote v ON v.sweep = s.id JOIN job l ON l.id = v.left_job JOIN job r ON r.id = v.right_job
                WHERE s.name = ? GROUP BY v.left_job, v.left_place, v.right_job, v.right_place
                """, [sweep]
            ) { row in
                VoteCount(
                    left: VotedPicture(job: row[0], place: row[1]), right: VotedPicture(job: row[2], place: row[3]),
                    leftWins: row[4], rightWins: row[5], ties: row[6])
            }
        }
    }
}
