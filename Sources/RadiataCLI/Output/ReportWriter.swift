import Foundation
import ImageFiles
import Ports
import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

/// Makes the self-contained HTML report of a sweep.
struct ReportWriter: Sendable {
    let client: SweepClient
    let sweep: String
    /// Whether the pictures themselves are saved in a folder beside the report, and linked.
    var savesOriginals = false

    /// Points of each job's curve; more cannot be told apart on a figure.
    private static let curvePoints = 240
    /// Keys that are fetched: every one is a pass over its points.
    private static let mostCurves = 12
    private static let mostRows = 1_000_000
    /// Pictures on their way at one time.
    private static let inFlight = 6

    func write(to path: String) async throws {
        let source = SweepResults(source: client, sweep: sweep)
        // The answer reads whole curves, as `top` does; what is drawn may be thinned.
        let (set, rule) = try await source.fetchForAnswer(withImages: true)
        let answer = set.answer(rule: rule)
        var results = try await source.fetch()
        results.curves = try await curves()
        let edits = try await source.imageValues(of: SweepReport.pairMetrics(of: results), prompts: "holdout")
        results.add(edits)
        let attempts = try await client.rows(of: PublicQueries.attemptTimes(ofSweep: sweep), limit: Self.mostRows)
        let report = SweepReport(
            results: results, answer: answer, importance: set.importance(of: rule.criteria),
            pictures: try await pictures(for: answer, beside: path),
            attempts: attempts,
            queries: PublicQueries.examples(sweep: sweep), facts: [("coordinator", client.configuration.coordinator)])
        try OutputFile.write(Data(report.html().utf8), to: path)
    }

    /// Losses first: they are what a training is judged by. What is kept at its epochs too is drawn once.
    private func curves() async throws -> [String: [CurveValue]] {
        let keys = try await client.rows(of: PublicQueries.curveKeys(ofSweep: sweep))
        let all = Set(keys)
        let ordered = keys.filter { !CommandTrainer.EpochTag.isTwin($0, among: all) }.sorted { a, b in
            let (isLossA, isLossB) = (a.lowercased().contains("loss"), b.lowercased().contains("loss"))
            return isLossA == isLossB ? a < b : isLossA
        }
        var curves: [String: [CurveValue]] = [:]
        for key in ordered.prefix(Self.mostCurves) {
            let query = PublicQueries.thinnedCurves(ofSweep: sweep, key: key, points: Self.curvePoints)
            curves[key] = try await client.rows(of: query, limit: Self.mostRows)
        }
        return curves
    }

    /// Thumbnails within the report's budget, in the order of the leaderboard.
    private func pictures(for answer: SweepAnswer, beside path: String) async throws -> [ReportPicture] {
        let all = try await client.rows(of: PublicQueries.pictures(ofSweep: sweep))
        let files = all.filter { !$0.moves }
        if files.count < all.count {
            Console.note(
                "\(all.count - files.count) of the \(all.count) samples are videos, which a report does not hold: fetch a job "
                    + "with --samples, or look at them on the coordinator's page")
        }
        let choices = PictureSelection(files, for: answer).choices
        let budget = PictureBudget(count: choices.count)
        let folder = savesOriginals && !choices.isEmpty ? try OriginalsFolder(beside: path) : nil
        return try await withThrowingTaskGroup(of: (Int, ReportPicture?).self) { group in
            var pictures = [ReportPicture?](repeating: nil, count: choices.count)
            for (index, choice) in choices.enumerated() {
                if index >= Self.inFlight, let (done, picture) = try await group.next() { pictures[done] = picture }
                group.addTask { (index, try await picture(choice, budget, folder)) }
            }
            while let (done, picture) = try await group.next() { pictures[done] = picture }
            return pictures.compactMap { $0 }
        }
    }

    /// - Returns: nil, with a note, for a file that is no picture: samples may be anything.
    private func picture(
        _ choice: PictureSelection.Choice, _ budget: PictureBudget, _ folder: OriginalsFolder?
    ) async throws -> ReportPicture? {
        let file = choice.file
        let bytes = try await client.call(.getBlob, BlobRange(sha256: file.sha256, offset: 0), timeLimit: nil)
        let thumbnail: Thumbnail
        do {
            thumbnail = try Thumbnail(
                of: Array(bytes.bytes), name: file.name, side: choice.isBest ? PictureBudget.bestSide : budget.side,
                limit: choice.isBest ? PictureBudget.best : budget.limit)
        } catch let error as ImageFileError {
            Console.note("warning: \(error.message); left out of the report")
            return nil
        }
        let original = try folder?.save(Data(bytes.bytes), of: file)
        let isSheet = file.kind == "contact-sheet"
        return ReportPicture(
            job: file.job, kind: isSheet ? .contactSheet : .sample, checkpoint: file.checkpoint,
            name: isSheet ? "" : file.name, step: ReportPicture.step(in: isSheet ? file.checkpoint : file.name),
            thumbnail: thumbnail, original: original)
    }
}

/// The folder beside a report that holds its pictures as they are: `mine.html` has `mine-pictures`.
private struct OriginalsFolder: Sendable {
    private let path: String
    private let name: String

    init(beside report: String) throws {
        let file = URL(fileURLWithPath: report)
        name = file.deletingPathExtension().lastPathComponent + "-pictures"
        path = file.deletingLastPathComponent().appending(path: name).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// - Returns: the way there from the report.
    func save(_ data: Data, of picture: PublicQueries.PictureFile) throws -> String {
        let ending = picture.name.split(separator: ".").last.map { $0.lowercased() } ?? ""
        let file = "\(picture.sha256.prefix(24)).\(ImageFile.extensions.contains(ending) ? ending : "png")"
        try OutputFile.write(data, to: "\(path)/\(file)")
        let folder = name.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? name
        return "\(folder)/\(file)"
    }
}
