import CoreData
import Foundation
import ImageFiles

/// Writes one concept in kohya's layout and enters it in the data set's `concepts.yaml` and `LICENSE.md`.
final class DataConceptWriter {
    private let root: String
    private let concept: Concept
    private var manifest: [Item] = []

    private struct Item: Codable {
        let file: String
        let caption: String
        let source: String
    }

    init(root: String, concept: Concept) {
        self.root = root
        self.concept = concept
    }

    /// - Parameters:
    ///   - source: where the picture comes from, in words.
    ///   - original: the picture that an edit begins with.
    ///   - isHeldOut: it is not trained on.
    func write(
        _ image: RGBImage, stem: String, caption: String, source: String, editOf original: RGBImage? = nil,
        isHeldOut: Bool = false
    ) throws {
        let held = isHeldOut ? "\(ConceptDataSet.validationName)/" : ""
        let place = held + concept.folder
        try save(image, "\(stem).png", in: place)
        if let original { try save(original, "\(stem).png", in: "\(ConceptDataSet.sourcesName)/\(place)") }
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

    func finish(licence: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try save(
            String(decoding: try encoder.encode(manifest), as: UTF8.self) + "\n", as: "\(concept.name).manifest.json")
        var concepts =
            try read(ConceptFile.name).map { try ConceptFile.parse($0, file: "\(root)/\(ConceptFile.name)") } ?? []
        concepts.removeAll { $0.folder == concept.folder }
        concepts = (concepts + [concept]).sorted { $0.folder < $1.folder }
        try save(ConceptFile.format(concepts), as: ConceptFile.name)
        let notes = try read("LICENSE.md") ?? "# Where these pictures come from\n\n"
        if !notes.contains(licence) { try save(notes + licence, as: "LICENSE.md") }
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
