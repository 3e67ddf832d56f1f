import Foundation
import RunSpec
import SweepAnalysis
import SweepModel

/// A picture, and where in the training it was made.
struct PagePicture: Encodable, Sendable {
    var job: String
    /// The checkpoint's name, or `step-N` of a sample.
    var place: String
    var kind: String
    var name: String
    var sha256: String
    /// Whether it needs a player; left out where not.
    var isVideo: Bool?
    var epoch: Int?
    var step: Int?
    /// The number of the prompt, as a rule; empty for a contact sheet.
    var series: String

    /// - Parameter known: where its checkpoint was made, if it is one's.
    init(_ file: PublicQueries.PictureFile, known: (epoch: Int, step: Int)?) {
        let name = file.place
        let step = known?.step ?? name.step
        self.init(
            job: file.job, place: file.checkpoint.isEmpty ? "step-\(step ?? name.epoch ?? 0)" : file.checkpoint,
            kind: file.kind, name: file.name, sha256: file.sha256,
            isVideo: MediaFormat(name: file.name)?.isVideo == true ? true : nil,
            epoch: known?.epoch ?? name.epoch, step: step, series: file.isSample ? name.series : "")
    }

    private init(
        job: String, place: String, kind: String, name: String, sha256: String, isVideo: Bool?, epoch: Int?, step: Int?,
        series: String
    ) {
        (self.job, self.place, self.kind, self.name, self.sha256) = (job, place, kind, name, sha256)
        (self.isVideo, self.epoch, self.step, self.series) = (isVideo, epoch, step, series)
    }
}

/// The pictures of a sweep, and the answer that lists them.
struct PagePictures: Sendable {
    let items: [PagePicture]
    let body: Data

    /// Of a sweep of many jobs: no page shows more, and no browser takes much more.
    static let most = 20_000

    /// - Parameter isLarge: whether the sweep has many jobs: its first pictures are listed then.
    init(ofSweep sweep: String, isLarge: Bool, _ source: LedgerSource) async throws {
        var items: [PagePicture]
        if isLarge {
            let found = try await source.rows(of: PublicQueries.placedPictures(ofSweep: sweep), limit: Self.most)
            items = found.map { one in
                PagePicture(one.file, known: one.step.map { (epoch: one.epoch ?? 0, step: $0) })
            }
            items.sort { ($0.job, $0.place, $0.name) < ($1.job, $1.place, $1.name) }
        } else {
            let files = try await source.rows(of: PublicQueries.pictures(ofSweep: sweep), limit: 200_000)
            let adapters = try await source.rows(of: PublicQueries.adapters(ofSweep: sweep), limit: 200_000)
            let known = Dictionary(adapters.map { ("\($0.job)\n\($0.checkpoint)", $0) }) { first, _ in first }
            items = files.map { file in
                PagePicture(file, known: known["\(file.job)\n\(file.checkpoint)"].map { ($0.epoch, $0.step) })
            }
        }
        self.items = items
        body = Self.text(items, hasMore: isLarge && items.count == Self.most)
    }

    private static func text(_ items: [PagePicture], hasMore: Bool) -> Data {
        var json = JSONText()
        json.raw("{\"version\":1,\"more\":\(hasMore),\"items\":")
        json.list(items) { json, item in
            json.raw("{\"job\":")
            json.string(item.job)
            for (key, text) in [
                ("place", item.place), ("kind", item.kind), ("name", item.name), ("sha256", item.sha256),
                ("series", item.series),
            ] {
                json.raw(",\"\(key)\":")
                json.string(text)
            }
            if let epoch = item.epoch { json.raw(",\"epoch\":\(epoch)") }
            if let step = item.step { json.raw(",\"step\":\(step)") }
            if item.isVideo == true { json.raw(",\"isVideo\":true") }
            json.raw("}")
        }
        json.raw("}")
        return Data(json.bytes)
    }
}
