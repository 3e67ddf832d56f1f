import Foundation
package import ImageFiles
import RunSpec

/// A folder in kohya's layout: `N_name/` with images and captions of the same stem, visited N times an epoch.
///
/// A job trains all folders together. `concepts.yaml` beside the folders says what they are; without it every folder is
/// an object whose class is the folder's name and which has no trigger.
package struct ConceptDataSet: Sendable {
    package let path: String
    package let concepts: [Concept]
    /// All images, sorted by path.
    package let images: [TrainingImage]
    /// Images of the folder `validation`, which are never trained on: directly in it, or in folders named like the others.
    package let validation: [TrainingImage]
    /// Folders that were left out because their name is not `N_name`.
    package let warnings: [String]

    package init(path: String) throws {
        self.path = path
        let names = try Self.entries(of: path, what: "data folder")
        let folders = names.filter { Concept.split($0) != nil && Self.isFolder("\(path)/\($0)") }
        var warnings = names.filter {
            Concept.split($0) == nil && Self.isFolder("\(path)/\($0)") && $0.first != "." && $0 != Self.validationName
        }
        .map { "\(path)/\($0): skipped, its name is not N_name with a number of repeats" }
        guard !folders.isEmpty else {
            throw DataError(
                code: .empty,
                message:
                    "\(path): found no folder named N_name (such as 10_cat), wanted at least one; see kohya's layout")
        }
        concepts = try Self.concepts(folders: folders, path: path)
        images = try concepts.enumerated().flatMap { try Self.images(of: $1, index: $0, path: path) }
        validation = try Self.validation(path)
        for folder in folders { warnings += try Self.unreadable("\(path)/\(folder)") }
        self.warnings = warnings
    }

    package static let validationName = "validation"

    private static func validation(_ path: String) throws -> [TrainingImage] {
        let root = "\(path)/\(validationName)"
        guard isFolder(root) else { return [] }
        let names = try entries(of: root, what: "validation folder")
        let folders = names.filter { isFolder("\(root)/\($0)") && $0.first != "." }
        // Without a caption file an image here has no words.
        let flat = Concept(folder: "", trigger: "", className: "", kind: .object)
        var found = isPictureThere(names) ? try images(of: flat, index: -1, path: root) : []
        for folder in folders {
            let concept = Concept(folder: folder, trigger: "", className: "", kind: .object)
            found += try images(of: concept, index: -1, path: root)
        }
        guard !found.isEmpty else {
            throw DataError(code: .empty, message: "\(root): found no PNG or JPEG image; add some or remove the folder")
        }
        return found
    }

    private static func isPictureThere(_ names: [String]) -> Bool {
        names.contains { ImageFile.extensions.contains(($0 as NSString).pathExtension.lowercased()) }
    }

    /// Pictures that other trainers read and this one does not.
    private static func unreadable(_ folder: String) throws -> [String] {
        let others: Set = ["webp", "bmp", "avif", "jxl", "gif", "tif", "tiff"]
        let names = try entries(of: folder, what: "concept folder")
        let left = names.filter { others.contains(($0 as NSString).pathExtension.lowercased()) }
        return left.isEmpty
            ? [] : ["\(folder): \(left.count) images skipped (\(left[0]), …): only PNG and JPEG are read"]
    }

    /// Images of one concept, in path order.
    package func images(of concept: Int) -> [TrainingImage] { images.filter { $0.concept == concept } }

    /// A training image in the size of its bucket.
    package static func fitted(_ image: TrainingImage, to buckets: BucketSizes) throws -> FittedImage {
        let pixels = try ImageFile.read(image.path)
        let size = buckets.bucket(of: PixelSize(width: pixels.width, height: pixels.height))
        return FittedImage(pixels, covering: size)
    }

    /// A training image as square pixels: centre crop, then resize.
    package static func square(_ image: TrainingImage, resolution: Int) throws -> RGBImage {
        try ImageFile.read(image.path).squareCropped(side: resolution)
    }

    private static func concepts(folders: [String], path: String) throws -> [Concept] {
        let file = "\(path)/\(ConceptFile.name)"
        guard FileManager.default.fileExists(atPath: file) else {
            return folders.map {
                Concept(folder: $0, trigger: "", className: Concept.split($0)?.name ?? $0, kind: .object)
            }
        }
        let known = try ConceptFile.parse(readText(file), file: file)
        if let stray = known.first(where: { !folders.contains($0.folder) }) {
            throw DataError(
                code: .missing,
                message:
                    "\(file): names the folder \"\(stray.folder)\", found \(folders.joined(separator: ", ")); rename one"
            )
        }
        if let bare = folders.first(where: { folder in !known.contains { $0.folder == folder } }) {
            throw DataError(
                code: .malformed,
                message: "\(file): has no entry for the folder \"\(bare)\"; add one with trigger, class, kind")
        }
        return folders.compactMap { folder in known.first { $0.folder == folder } }
    }

    private static func images(of concept: Concept, index: Int, path: String) throws -> [TrainingImage] {
        let folder = "\(path)/\(concept.folder)"
        let names = try entries(of: folder, what: "concept folder")
        let pictures = names.filter { ImageFile.extensions.contains(($0 as NSString).pathExtension.lowercased()) }
        guard !pictures.isEmpty else {
            throw DataError(
                code: .empty, message: "\(folder): found no PNG or JPEG image; add some or remove the folder")
        }
        return try pictures.map { name in
            TrainingImage(
                path: "\(folder)/\(name)", caption: try caption(of: name, in: folder, names: names, concept: concept),
                concept: index, repeats: concept.repeats)
        }
    }

    /// kohya's rules: first line of `stem.txt` or `stem.caption`; without such a file the folder's words.
    private static func caption(of name: String, in folder: String, names: [String], concept: Concept) throws -> String
    {
        let stem = (name as NSString).deletingPathExtension
        guard let file = ["\(stem).txt", "\(stem).caption"].first(where: names.contains) else {
            return concept.trigger.isEmpty ? concept.name : concept.triggerPrompt
        }
        let text = try readText("\(folder)/\(file)")
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        let caption = line.trimmingCharacters(in: .whitespaces)
        guard !caption.isEmpty else {
            throw DataError(code: .empty, message: "\(folder)/\(file): an empty caption; write one or remove the file")
        }
        return caption
    }

    private static func entries(of path: String, what: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw DataError(code: .missing, message: "\(path): this \(what) cannot be read; check the path")
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func readText(_ path: String) throws -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw DataError(code: .malformed, message: "\(path): cannot be read as UTF-8 text; save it as UTF-8")
        }
    }
}
