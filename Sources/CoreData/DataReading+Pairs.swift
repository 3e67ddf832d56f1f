package import ImageFiles
package import RunSpec

/// Pairs of pictures: what an edit makes lies where pictures of a data set lie, what it begins with under the
/// same name at the same place below `sources`.
extension DataReading {
    /// - Returns: whether the concepts are edits.
    mutating func checkKinds(_ concepts: [Concept]) -> Bool {
        let edits = concepts.filter { $0.kind == .edit }
        if let edit = edits.first, let other = concepts.first(where: { $0.kind != .edit }) {
            report(
                .malformed,
                "\(DataFiles.shown("\(path)/\(ConceptFile.name)")): \(edit.folder) is of kind edit and \(other.folder) of "
                    + "kind \(other.kind.rawValue); a data set holds pairs or none, put one of the two elsewhere")
        }
        return !edits.isEmpty
    }

    /// For each picture the one of the same stem that it is an edit of.
    ///
    /// - Parameter folder: of the pictures, below the data folder.
    mutating func sources(of pictures: [String], in folder: String) -> [String: String] {
        let place = "\(path)/\(ConceptDataSet.sourcesName)\(folder.dropFirst(path.count))"
        guard let names = entries(of: place, what: "folder of source pictures") else { return [:] }
        let found = names.filter(Self.isPicture)
        let byStem = Dictionary(grouping: found, by: DataFiles.stem)
        let wanted = Dictionary(grouping: pictures, by: DataFiles.stem)
        for (stem, names) in (byStem.filter { $1.count > 1 }).sorted(by: { $0.key < $1.key }) {
            report(
                .malformed,
                "\(DataFiles.shown(place)): \(names.joined(separator: " and ")) are of the same stem \(stem); keep one")
        }
        let missing = pictures.filter { byStem[DataFiles.stem($0)] == nil }
        if let first = missing.first {
            report(
                .missing,
                "\(DataFiles.shown(place)): no source for \(Self.some(missing)), wanted a picture of the same stem such as "
                    + "\(DataFiles.stem(first)).png")
        }
        let extra = found.filter { wanted[DataFiles.stem($0)] == nil }
        if !extra.isEmpty {
            report(
                .missing,
                "\(DataFiles.shown(folder)): no target for the source \(Self.some(extra)); add it or remove the source")
        }
        return Dictionary(
            pictures.compactMap { name in
                byStem[DataFiles.stem(name)]?.first.map { (name, "\(place)/\($0)") }
            }, uniquingKeysWith: { first, _ in first })
    }

    /// `a.png, b.png, c.png and 4 more`.
    private static func some(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }
}

extension ConceptDataSet {
    /// The folder beside the concepts that holds what edits begin with.
    package static let sourcesName = "sources"

    /// Whether its pictures are edits of others.
    package var isPaired: Bool { concepts.contains { $0.kind == .edit } }

    /// The picture that an edit begins with, in its own size.
    ///
    /// - Parameter size: of the picture that the edit makes.
    /// - Returns: nil for a picture that is no edit.
    /// - Throws: `ImageFileError` for a picture that cannot be read, `DataError` for a file that cannot and
    ///   for one of another size.
    package static func source(of image: TrainingImage, size: PixelSize) throws -> RGBImage? {
        guard let path = image.source else { return nil }
        let picture = try ImageFile.load(DataFiles.read(path), name: DataFiles.shown(path)).image.composited()
        guard picture.width == size.width, picture.height == size.height else {
            throw DataError(
                code: .malformed,
                message: "\(DataFiles.shown(path)): \(picture.width)×\(picture.height) pixels, its target "
                    + "\(DataFiles.shown(image.path)) has \(size.width)×\(size.height); make both the same size")
        }
        return picture
    }

    /// What images of a size are held against: an edit in that size, any other picture as the largest square
    /// in it.
    ///
    /// - Throws: `ImageFileError` for a picture that cannot be read, `DataError` for a file that cannot.
    package static func target(_ image: TrainingImage, size: PixelSize) throws -> RGBImage {
        guard image.source != nil else { return try square(image, resolution: min(size.width, size.height)) }
        return fitted(try whole(image), size)
    }

    /// What an edit begins with, in the size of the images that are drawn.
    ///
    /// - Returns: nil for a picture that is no edit.
    /// - Throws: as `source(of:size:)`.
    package static func source(_ image: TrainingImage, fitting size: PixelSize) throws -> RGBImage? {
        guard image.source != nil else { return nil }
        let target = try whole(image)
        return try source(of: image, size: PixelSize(width: target.width, height: target.height))
            .map { fitted($0, size) }
    }

    /// Centre crop and resize. Squares are cut first, as every other square is.
    private static func fitted(_ image: RGBImage, _ size: PixelSize) -> RGBImage {
        size.width == size.height
            ? image.squareCropped(side: size.width) : FittedImage(image, covering: size).image
    }
}
