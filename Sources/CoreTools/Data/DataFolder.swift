package import CoreData
import Foundation
import ImageFiles

/// `radiata data folder`: any folder of pictures as a concept in kohya's layout, captions made from file
/// names.
package struct DataFolder: Sendable {
    /// Folder that is searched for PNG, JPEG and WebP files, sub-folders included.
    package var source: String
    package var out: String
    package var concept: Concept
    /// Stems of the files to take; empty takes all. `printer=office printer` gives the words for the caption
    /// too.
    package var select: [String] = []
    /// Pixels of the longer side; smaller pictures are kept as they are.
    package var size = 128
    /// Added to LICENSE.md.
    package var licence = ""

    package init(source: String, out: String, concept: Concept) {
        self.source = source
        self.out = out
        self.concept = concept
    }

    /// - Throws: `DataError` for a font, names or folders that cannot be used, `ImageFileError` or
    ///   Foundation's error if a file cannot be written.
    /// - Returns: the number of images written.
    package func run(progress: (String) -> Void) throws -> Int {
        let files = try pictures()
        let wanted = select.map { choice -> (stem: String, words: String) in
            let parts = choice.split(separator: "=", maxSplits: 1).map(String.init)
            return (parts[0], parts.count == 2 ? parts[1] : Self.words(parts[0]))
        }
        let chosen =
            select.isEmpty ? files.keys.sorted().map { ($0, Self.words($0)) } : wanted.map { ($0.stem, $0.words) }
        guard !chosen.isEmpty else {
            throw DataError(code: .empty, message: "\(source): found no PNG, JPEG or WebP image; choose another folder")
        }
        let writer = try DataConceptWriter(root: out, concept: concept)
        for (stem, words) in chosen {
            guard let path = files[stem] else {
                throw DataError(code: .missing, message: "\(source): found no image named \(stem).png or .jpg")
            }
            let picture = try DataPictures.load(path)
            if let warning = picture.warning { progress("warning: \(warning)") }
            var image = picture.image.squared()
            if image.width > size { image = image.resized(width: size, height: size) }
            try writer.write(image.composited(), stem: stem, caption: caption(words), source: path)
        }
        try writer.finish(licence: licence)
        progress("\(out)/\(concept.folder): \(chosen.count) images")
        return chosen.count
    }

    /// A style stands beside what the picture shows; anything else is what the picture shows.
    private func caption(_ words: String) -> String {
        switch concept.kind {
        case .style: "\(concept.triggerPrompt) of \(words)"
        case .edit: concept.triggerPrompt
        case .character, .object, .scene: concept.triggerPrompt.isEmpty ? words : "\(concept.triggerPrompt), \(words)"
        }
    }

    /// Paths by stem; the first in path order where two have the same.
    private func pictures() throws -> [String: String] {
        var files: [String: String] = [:]
        for path in try DataPictures.paths(below: source) {
            let stem = DataPictures.stem(of: path)
            if files[stem] == nil { files[stem] = path }
        }
        return files
    }

    /// `media-optical_dvd` → `media optical dvd`.
    private static func words(_ stem: String) -> String {
        stem.lowercased().replacing("-", with: " ").replacing("_", with: " ")
    }
}
