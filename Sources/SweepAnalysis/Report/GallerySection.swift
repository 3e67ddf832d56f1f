import Foundation
import SweepModel

/// A picture as an element.
enum PictureHTML {
    static func image(_ picture: ReportPicture, alt: String) -> String {
        let data = Data(picture.bytes).base64EncodedString()
        let image =
            "<img loading=\"lazy\" decoding=\"async\" width=\"\(picture.width)\" height=\"\(picture.height)\" "
            + "alt=\"\(HTML.escaped(alt))\" src=\"data:image/webp;base64,\(data)\">"
        guard let original = picture.original else { return image }
        return "<a href=\"\(HTML.escaped(original))\" rel=\"noopener noreferrer\" title=\"the original\">\(image)</a>"
    }
}

/// Pictures of every configuration, in the order of the leaderboard and of the training.
struct GallerySection: ReportSection {
    private static let opened = 3

    func html(_ context: ReportContext) -> String {
        let pictures = context.report.pictures
        guard !pictures.isEmpty else { return "" }
        let byJob = Dictionary(grouping: pictures, by: \.job)
        var groups: [String] = []
        for configuration in context.numbers.configurations {
            let jobs = configuration.jobs.sorted { ($0.seed, $0.id) < ($1.seed, $1.id) }
            let shots = jobs.flatMap { job in
                (byJob[job.id] ?? [])
                    .sorted { ($0.step ?? 0, $0.checkpoint, $0.name) < ($1.step ?? 0, $1.checkpoint, $1.name) }
                    .map { shot($0, label: configuration.label, seed: jobs.count > 1 ? job.seed : nil) }
            }
            guard !shots.isEmpty else { continue }
            let rank = configuration.row.map { "#\($0.rank) " } ?? ""
            groups.append(
                "<details\(groups.count < Self.opened ? " open" : "")><summary>\(rank)\(HTML.escaped(configuration.label)) "
                    + "<span class=\"quiet\">\(shots.count) picture\(shots.count == 1 ? "" : "s")</span></summary>"
                    + "<div class=\"gallery\">\(shots.joined(separator: "\n"))</div></details>")
        }
        let isLinked = pictures.contains { $0.original != nil }
        return HTML.section(
            pictures.contains { $0.kind == .contactSheet } ? "Contact sheets" : "Samples", id: "pictures",
            [
                HTML.quiet(
                    "In the order of the leaderboard, each in the order of its training; made smaller"
                        + (isLinked ? "; a click opens the original." : "."))
            ] + groups)
    }

    private func shot(_ picture: ReportPicture, label: String, seed: Int?) -> String {
        var parts: [String] = []
        switch picture.kind {
        case .contactSheet: parts.append(picture.step.map { "step \($0)" } ?? picture.checkpoint)
        case .sample: parts.append(picture.name)
        }
        if let seed { parts.append("seed \(seed)") }
        let caption = parts.joined(separator: " · ")
        return "<figure>\(PictureHTML.image(picture, alt: "\(label), \(caption)"))<figcaption>\(HTML.escaped(caption))"
            + "</figcaption></figure>"
    }
}
