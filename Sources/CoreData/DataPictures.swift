package import ImageFiles

/// Pictures in any folder, found and read as those of a data set are.
package enum DataPictures {
    /// Paths of PNG, JPEG and WebP files, sub-folders included, in path order.
    ///
    /// - Throws: `DataError` for a folder that cannot be read.
    package static func paths(below folder: String) throws -> [String] {
        var paths: [String] = []
        for name in try DataFiles.names(in: folder, what: "folder") {
            let path = "\(folder)/\(name)"
            if DataFiles.isFolder(path) {
                // A link back up would never end.
                if !DataFiles.isLink(path) { paths += try Self.paths(below: path) }
            } else if ImageFile.extensions.contains(DataFiles.ending(name)) {
                paths.append(path)
            }
        }
        return paths.sorted()
    }

    /// - Throws: `ImageFileError` for a picture that cannot be read, `DataError` for a file that cannot.
    package static func load(_ path: String) throws -> ImageFile.Decoded {
        try ImageFile.load(DataFiles.read(path), name: DataFiles.shown(path))
    }

    /// The first line of the text file of the same stem, without spaces at its ends; nil where there is none
    /// or it says nothing.
    ///
    /// - Throws: `DataError` for a file that is no text.
    package static func caption(beside path: String) throws -> String? {
        let file = DataFiles.stem(path) + ".txt"
        guard DataFiles.exists(file) else { return nil }
        let line = try DataFiles.text(file).text.split(whereSeparator: \.isNewline).first ?? ""
        let words = DataReading.trimmed(String(line))
        return words.isEmpty ? nil : words
    }

    /// The file's name without folder and ending.
    package static func stem(of path: String) -> String {
        DataFiles.stem(path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path)
    }
}
