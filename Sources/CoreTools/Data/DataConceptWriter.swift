package import CoreData
import Foundation
package import ImageFiles

/// Writes one concept in kohya's layout and enters it in the data set's `concepts.yaml` and `LICENSE.md`.
///
/// What an earlier run of the same concept wrote and this one does not is removed: else it would be trained
/// on.
package final class DataConceptWriter {
    private let root: String
    private let concept: Concept
    private var manifest: [Item] = []

    private struct Item: Codable {
        let file: String
        let caption: String
        let source: String
    }

    /// Enters the concept first: a run that ends in the middle leaves pictures of the kind that they are.
    ///
    /// - Throws: `DataError` for a name that no reader of the data set takes for a concept's.
    package init(root: String, concept: Concept) throws {
        guard Concept.split(concept.folder)?.name.isEmpty == false, !concept.folder.contains("/"),
            ConceptFile.isPlainKey(concept.folder)
        else {
            throw DataError(
                code: .malformed,
                message: "the name '\(concept.folder)': wanted N_name with N repeats an epoch, such as 1_edit")
        }
        self.root = root
        self.concept = concept
        var concepts =
            try read(ConceptFile.name).map { try ConceptFile.parse($0, file: "\(root)/\(ConceptFile.name)") } ?? []
        concepts.removeAll { $0.folder == concept.folder }
        concepts = (concepts + [concept]).sorted { $0.folder < $1.folder }
        try attempt(root) {
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        }
        try save(ConceptFile.format(concepts), as: ConceptFile.name)
    }

    /// - Parameters:
    ///   - source: where the picture comes from, in words.
    ///   - original: the picture that an edit begins with.
    ///   - isHeldOut: it is not trained on.
    package func write(
        _ image: RGBImage, stem: String, caption: String, source: String, editOf original: RGBImage? = nil,
        isHeldOut: Bool = false
    ) throws {
        let held = isHeldOut ? "\(ConceptDataSet.validationName)/" : ""
        let place = held + concept.folder
        if let original { try save(original, "\(stem).png", in: "\(ConceptDataSet.sourcesName)/\(place)") }
        try save(image, "\(stem).png", in: place)
        try save(caption + "\n", as: "\(place)/\(stem).txt")
        manifest.append(Item(file: "\(held)\(stem).png", caption: caption, source: source))
    }

    private func save(_ image: RGBImage, _ name: String, in place: String) throws {
        let folder = "\(root)/\(place)"
        try attempt(folder) {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try PNGFile.write(image, to: "\(folder)/\(name)")
    }

    package func finish(licence: String) throws {
        try removeFormer()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try save(
            String(decoding: try encoder.encode(manifest), as: UTF8.self) + "\n", as: manifestName)
        let notes = try read("LICENSE.md") ?? "# Where these pictures come from\n\n"
        if !notes.contains(licence) { try save(notes + licence, as: "LICENSE.md") }
    }

    private var manifestName: String { "\(concept.name).manifest.json" }

    /// Takes away what the last manifest names and this one does not.
    private func removeFormer() throws {
        guard let text = try read(manifestName),
            // Written by somebody else: nothing of it is ours.
            let former = try? JSONDecoder().decode([Item].self, from: Data(text.utf8))
        else { return }
        let kept = Set(manifest.map(\.file))
        for file in former.map(\.file) where !kept.contains(file) {
            let held = file.hasPrefix(ConceptDataSet.validationName + "/") ? ConceptDataSet.validationName + "/" : ""
            let name = String(file.dropFirst(held.count))
            guard name.hasSuffix(".png"), !name.contains("/") else { continue }
            let place = held + concept.folder
            let stem = DataPictures.stem(of: name)
            for path in ["\(place)/\(name)", "\(place)/\(stem).txt", "\(ConceptDataSet.sourcesName)/\(place)/\(name)"]
            where FileManager.default.fileExists(atPath: "\(root)/\(path)") {
                try attempt("\(root)/\(path)") { try FileManager.default.removeItem(atPath: "\(root)/\(path)") }
            }
        }
    }

    private func read(_ name: String) throws -> String? {
        let path = "\(root)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw DataError(code: .malformed, message: "\(path): cannot be read as UTF-8 text; save it as UTF-8")
        }
    }

    private func save(_ text: String, as name: String) throws {
        let path = "\(root)/\(name)"
        try attempt(path) { try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) }
    }

    private func attempt(_ path: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw DataError(
                code: .unwritable,
                message: "\(path): cannot be written (\(error.localizedDescription)); check folder and free space")
        }
    }
}
