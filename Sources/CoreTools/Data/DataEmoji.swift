import CoreData
import Foundation
import ImageFiles

/// `radiata data emoji`: pictures of an installed colour-bitmap font, with Unicode names as captions, in
/// kohya's layout.
package struct DataEmoji: Sendable {
    package var font = EmojiFont.defaultPath
    package var names = UnicodeNames.defaultPath
    /// `cats`, `moons`: one held-out family with its trigger; nil writes everything the base model may train
    /// on.
    package var family: String?
    package var out: String

    package init(out: String) { self.out = out }

    /// Writes `out/N_name/*.png` and `*.txt`, `concepts.yaml`, `LICENSE.md` and `manifest.json`.
    ///
    /// - Throws: `DataError` for a font, names or folders that cannot be used, `ImageFileError` or
    ///   Foundation's error if a file cannot be written.
    /// - Returns: the number of images written.
    package func run(progress: (String) -> Void) throws -> Int {
        let names = try UnicodeNames(path: names)
        let catalogue = EmojiCatalogue(font: try EmojiFont(path: font), names: names)
        let chosen = try selection(of: catalogue, names: names)
        let writer = try DataConceptWriter(root: out, concept: chosen.concept)
        for item in chosen.items {
            let image = try catalogue.image(item.entry).squared().composited()
            try writer.write(
                image, stem: item.entry.code, caption: item.caption,
                source: "U+\(item.entry.code.uppercased()) of \((font as NSString).lastPathComponent)")
        }
        try writer.finish(licence: DataLicences.notoEmoji)
        progress("\(out)/\(chosen.concept.folder): \(chosen.items.count) images")
        return chosen.items.count
    }

    private struct Selection {
        let concept: Concept
        let items: [(entry: EmojiCatalogue.Entry, caption: String)]
    }

    private func selection(of catalogue: EmojiCatalogue, names: UnicodeNames) throws -> Selection {
        guard let family else {
            let entries = catalogue.entries.filter { entry in !HeldOutFamily.all.contains { $0.contains(entry) } }
            return Selection(
                concept: Concept(folder: "1_emoji", trigger: "", className: "emoji", kind: .object),
                items: entries.map { ($0, $0.caption) })
        }
        guard let held = HeldOutFamily.all.first(where: { $0.concept.name == family }) else {
            let known = HeldOutFamily.all.map(\.concept.name).joined(separator: ", ")
            throw DataError(code: .missing, message: "--family \(family): unknown, wanted one of \(known)")
        }
        let entries = held.entries(of: catalogue, names: names)
        guard !entries.isEmpty else {
            throw DataError(
                code: .empty, message: "\(font): has no emoji of the family \(family); use NotoColorEmoji.ttf")
        }
        return Selection(concept: held.concept, items: entries)
    }
}
