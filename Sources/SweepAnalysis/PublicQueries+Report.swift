import RunSpec
import SweepModel

/// Queries of what a report shows beside results.
extension PublicQueries {
    /// Curves under a key, each job's thinned to about so many points; the last one is always kept. Jobs with
    /// equally many points are thinned at the same ones.
    package static func thinnedCurves(ofSweep sweep: String, key: String, points: Int) -> PublicQuery<CurveValue> {
        PublicQuery(
            """
            SELECT job, step, value FROM (
                SELECT job, step, value, row_number() OVER (PARTITION BY job ORDER BY step) AS place,
                    count(*) OVER (PARTITION BY job) AS total
                FROM metrics WHERE key = \(quoted(key)) AND job IN (\(jobs(ofSweep: sweep))) AND value IS NOT NULL)
            WHERE (place - 1) % ((total + \(points - 1)) / \(points)) = 0 OR place = total ORDER BY job, step
            """
        ) { row in
            guard row.count == 3, let step = row[1].number, let value = row[2].number else { return nil }
            return CurveValue(job: row[0].string, step: Int(step), value: value)
        }
    }

    /// How long the attempts of a sweep's jobs took.
    package static func attemptTimes(ofSweep sweep: String) -> PublicQuery<SweepReport.AttemptTime> {
        PublicQuery(
            """
            SELECT j.identity, a.number, a.started, a.ended, a.outcome, a.resumed_step
            FROM sweep s JOIN member b ON b.sweep = s.id JOIN job j ON j.id = b.job JOIN attempt a ON a.job = j.id
            WHERE s.name = \(quoted(sweep)) ORDER BY j.identity, a.number
            """
        ) { row in
            guard row.count == 6, let number = row[1].number, let started = row[2].number, let resumed = row[5].number
            else { return nil }
            return SweepReport.AttemptTime(
                job: row[0].string, number: Int(number), started: Int64(started),
                ended: row[3].number.map { Int64($0) },
                outcome: row[4].string.isEmpty ? nil : row[4].string, resumedStep: Int(resumed))
        }
    }

    /// A picture in the blob store.
    package struct PictureFile: Equatable, Sendable {
        package var job: String
        /// Empty for a sample.
        package var checkpoint: String
        /// `contact-sheet` or `sample`.
        package var kind: String
        package var name: String
        package var sha256: String
        package var bytes: Int

        package init(job: String, checkpoint: String, kind: String, name: String, sha256: String, bytes: Int) {
            self.job = job
            self.checkpoint = checkpoint
            self.kind = kind
            self.name = name
            self.sha256 = sha256
            self.bytes = bytes
        }

        /// Whether a trainer drew it.
        package var isSample: Bool { kind == "sample" }

        /// Where in the training it was made, as its name says. An edit's is called after the picture that
        /// was edited, and was made in no step.
        package var place: SampleName {
            guard checkpoint == EditTask.checkpoint else { return SampleName(isSample ? name : checkpoint) }
            return SampleName(series: name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name)
        }

        /// Whether it is a video, which nobody here can make a picture of.
        package var moves: Bool { MediaFormat.moves(name: name) }
    }

    /// The contact sheets and samples of a sweep's jobs.
    package static func pictures(ofSweep sweep: String) -> PublicQuery<PictureFile> {
        pictures("job IN (\(jobs(ofSweep: sweep)))")
    }

    /// Those of one job, by its whole id.
    package static func pictures(ofJob job: String) -> PublicQuery<PictureFile> { pictures("job = \(quoted(job))") }

    /// A picture of a large sweep, with the epoch and the step of its checkpoint.
    package struct PlacedPicture: Sendable {
        package var file: PictureFile
        package var epoch: Int?
        package var step: Int?
    }

    /// The pictures of a sweep of many jobs, most of which may have none: found from the pictures, where
    /// `pictures(ofSweep:)` looks for those of each job. In the order in which attempts began.
    package static func placedPictures(ofSweep sweep: String) -> PublicQuery<PlacedPicture> {
        func ofCheckpoint(_ column: String) -> String {
            """
            (SELECT c.\(column) FROM attempt q CROSS JOIN checkpoint c ON c.attempt = q.id AND c.name = a.checkpoint
                WHERE q.job = p.job AND a.checkpoint <> '' ORDER BY q.number LIMIT 1)
            """
        }
        return PublicQuery(
            """
            SELECT j.identity, a.checkpoint, a.kind, a.name, a.sha256, a.bytes, \(ofCheckpoint("epoch")),
                \(ofCheckpoint("step"))
            FROM sweep s CROSS JOIN artifact a CROSS JOIN span p ON p.attempt = a.attempt
            CROSS JOIN member m ON m.sweep = s.id AND m.job = p.job CROSS JOIN job j ON j.id = p.job
            WHERE s.name = \(quoted(sweep)) AND a.kind IN ('contact-sheet', 'sample') AND a.step <= p.high
                AND NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = m.job)
                AND NOT EXISTS (
                    SELECT 1 FROM attempt q CROSS JOIN artifact b ON b.attempt = q.id AND b.kind = a.kind AND b.name = a.name
                    WHERE q.job = p.job AND q.number > p.number)
            """
        ) { row in
            guard row.count == 8, let file = pictureFile(Array(row.prefix(6))) else { return nil }
            return PlacedPicture(file: file, epoch: row[6].number.map { Int($0) }, step: row[7].number.map { Int($0) })
        }
    }

    private static func pictures(_ condition: String) -> PublicQuery<PictureFile> {
        PublicQuery(
            """
            SELECT job, checkpoint, kind, name, sha256, bytes FROM artifacts
            WHERE kind IN ('contact-sheet', 'sample') AND \(condition)
            ORDER BY job, checkpoint, name
            """, pictureFile)
    }

    private static let pictureFile: @Sendable ([QueryValue]) -> PictureFile? = { row in
        guard row.count == 6, let bytes = row[5].number else { return nil }
        return PictureFile(
            job: row[0].string, checkpoint: row[1].string, kind: row[2].string, name: row[3].string,
            sha256: row[4].string, bytes: Int(bytes))
    }
}
