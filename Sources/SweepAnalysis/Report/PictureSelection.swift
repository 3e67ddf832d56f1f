/// Which of a sweep's pictures a report shows, where not all have room.
package struct PictureSelection: Sendable {
    package struct Choice: Equatable, Sendable {
        package var file: PublicQueries.PictureFile
        /// It shows the best configuration, and is looked at closely.
        package var isBest: Bool
    }

    /// The competing checkpoints of all configurations, best first; then every other picture in the order of
    /// the leaderboard, the newest first.
    package let choices: [Choice]

    package init(
        _ files: [PublicQueries.PictureFile], for answer: SweepAnswer, most: Int = PictureBudget.mostPictures
    ) {
        struct Place {
            var rank: Int
            var seed: Int
            var row: SweepAnswer.Row
        }
        var places: [String: Place] = [:]
        for row in answer.rows {
            for (seed, job) in row.jobs.enumerated() { places[job] = Place(rank: row.rank, seed: seed, row: row) }
        }
        let keyed = files.map { file -> (key: [Int], file: PublicQueries.PictureFile) in
            let step = ReportPicture.step(in: file.checkpoint.isEmpty ? file.name : file.checkpoint)
            guard let place = places[file.job] else { return ([1, .max, 0, -(step ?? 0)], file) }
            let competes = !file.checkpoint.isEmpty && file.checkpoint == place.row.checkpoint
            return ([competes ? 0 : 1, place.rank, place.seed, -(step ?? 0)], file)
        }
        let ordered = keyed.sorted { a, b in
            a.key == b.key
                ? (a.file.job, a.file.name) < (b.file.job, b.file.name) : a.key.lexicographicallyPrecedes(b.key)
        }
        let best = ordered.first.map { $0.key[1] == 1 ? $0.file : nil } ?? nil
        choices = ordered.prefix(most).map { Choice(file: $0.file, isBest: $0.file == best) }
    }
}
