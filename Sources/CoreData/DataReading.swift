import ImageFiles

/// One reading of a data folder, which goes on after a fault to find all of them.
struct DataReading {
    let path: String
    private(set) var faults: [DataError] = []
    private var warnings: [String] = []
    private var isNewlyRead = false

    init(path: String) { self.path = path }

    /// - Returns: nil where there is nothing to go on with; ``faults`` says why.
    mutating func read() -> ConceptDataSet? {
        guard let names = entries(of: path, what: "data folder") else { return nil }
        let inside = names.filter { DataFiles.isFolder("\(path)/\($0)") }
        let folders = inside.filter { Concept.split($0) != nil }
        guard !folders.isEmpty else {
            report(
                .empty,
                "\(DataFiles.shown(path)): found no folder named N_name (such as 10_cat), wanted at least one; see kohya's layout"
            )
            return nil
        }
        let listed = self.listed(folders)
        let isPaired = checkKinds(listed ?? [])
        let own = [ConceptDataSet.validationName] + (isPaired ? [ConceptDataSet.sourcesName] : [])
        for name in inside where Concept.split(name) == nil && !own.contains(name) {
            warnings.append(
                name == ConceptDataSet.sourcesName
                    ? "\(shown(name)): skipped; of pairs \(ConceptFile.name) says kind: edit for each folder"
                    : "\(shown(name)): skipped, its name is not N_name with a number of repeats (such as 10_\(name))")
        }
        let plain = folders.map { folder in
            listed?.first { $0.folder == folder }
                ?? Concept(folder: folder, trigger: "", className: Concept.split(folder)?.name ?? folder, kind: .object)
        }
        let images = plain.enumerated().flatMap { self.images(of: $1, index: $0, in: path) }
        let concepts = listed == nil ? guessed(plain, images) : plain
        let validation = self.validation(names, concepts)
        return ConceptDataSet(
            path: path, concepts: concepts, images: images, validation: validation, warnings: warnings,
            isGuessed: listed == nil, isNewlyRead: isNewlyRead, isNewlyNamed: concepts != plain)
    }

    mutating func report(_ code: DataError.Code, _ message: String) {
        faults.append(DataError(code: code, message: message))
    }

    private mutating func report(_ error: any Error) {
        faults.append(error as? DataError ?? DataError(code: .malformed, message: "\(error)"))
    }

    private func shown(_ name: String) -> String { DataFiles.shown("\(path)/\(name)") }

    mutating func entries(of folder: String, what: String) -> [String]? {
        do {
            return try DataFiles.names(in: folder, what: what)
        } catch {
            report(error)
            return nil
        }
    }

    /// The concepts of `concepts.yaml`; nil without such a file.
    private mutating func listed(_ folders: [String]) -> [Concept]? {
        let file = "\(path)/\(ConceptFile.name)"
        guard DataFiles.exists(file) else { return nil }
        let text: String
        do {
            text = try DataFiles.text(file).text
        } catch {
            report(error)
            return []
        }
        let (known, wrong) = ConceptFile.read(text, file: file)
        for fault in wrong { report(fault) }
        for stray in known where !folders.contains(stray.folder) {
            report(
                .missing,
                "\(file): names the folder \"\(stray.folder)\", found \(folders.joined(separator: ", ")); rename one")
        }
        for bare in folders where !known.contains(where: { $0.folder == bare }) {
            report(
                .malformed, "\(file): has no entry for the folder \"\(bare)\"; add one with trigger, class, kind")
        }
        return known
    }

    private mutating func guessed(_ plain: [Concept], _ images: [TrainingImage]) -> [Concept] {
        plain.enumerated().map { index, concept in
            let guess = ConceptGuess(
                name: concept.name, captions: images.filter { $0.concept == index && $0.isCaptioned }.map(\.caption))
            warnings.append("\(shown(concept.folder)): no \(ConceptFile.name) beside it, so \(guess.words)")
            var concept = concept
            concept.trigger = guess.trigger
            concept.className = guess.className
            return concept
        }
    }

    private mutating func validation(_ names: [String], _ concepts: [Concept]) -> [TrainingImage] {
        let root = "\(path)/\(ConceptDataSet.validationName)"
        guard names.contains(ConceptDataSet.validationName), DataFiles.isFolder(root),
            let inside = entries(of: root, what: "validation folder")
        else { return [] }
        // Without a caption file an image here has no words.
        let isPaired = concepts.contains { $0.kind == .edit }
        let flat = Concept(folder: "", trigger: "", className: "", kind: isPaired ? .edit : .object)
        var found: [TrainingImage] = []
        if inside.contains(where: Self.isPicture) {
            // Of several concepts nobody knows which they are of.
            found += images(of: flat, index: -1, in: root).map { $0.of(concepts.count == 1 ? 0 : -1) }
        }
        for folder in inside where DataFiles.isFolder("\(root)/\(folder)") {
            let concept = Concept(folder: folder, trigger: "", className: "", kind: flat.kind)
            let trained = concepts.firstIndex { $0.folder == folder || $0.name == concept.name }
            found += images(of: concept, index: -1, in: root).map { $0.of(trained ?? -1) }
        }
        if found.isEmpty {
            report(
                .empty, "\(DataFiles.shown(root)): found no PNG, JPEG or WebP image; add some or remove the folder")
        }
        return found
    }

    static func isPicture(_ name: String) -> Bool { ImageFile.extensions.contains(DataFiles.ending(name)) }

    private mutating func images(of concept: Concept, index: Int, in root: String) -> [TrainingImage] {
        let folder = concept.folder.isEmpty ? root : "\(root)/\(concept.folder)"
        guard let names = entries(of: folder, what: "concept folder") else { return [] }
        let pictures = names.filter(Self.isPicture)
        let others = names.filter { Self.otherImages.contains(DataFiles.ending($0)) }
        if let first = others.first {
            warnings.append(
                "\(DataFiles.shown(folder)): \(others.count) images skipped (\(first)\(others.count > 1 ? ", …" : "")): "
                    + "only PNG, JPEG and WebP are read"
            )
        }
        guard !pictures.isEmpty else {
            report(
                .empty, "\(DataFiles.shown(folder)): found no PNG, JPEG or WebP image; add some or remove the folder")
            return []
        }
        let sources = concept.kind == .edit ? self.sources(of: pictures, in: folder) : [:]
        var bare = 0
        let images = pictures.map { name in
            let caption = self.caption(of: name, in: folder, names: names)
            if caption == nil { bare += 1 }
            return TrainingImage(
                path: "\(folder)/\(name)",
                caption: caption ?? (concept.trigger.isEmpty ? concept.name : concept.triggerPrompt), concept: index,
                repeats: concept.repeats, isCaptioned: caption != nil, source: sources[name])
        }
        if bare > 0, index >= 0 {
            let words = concept.trigger.isEmpty ? concept.name : concept.triggerPrompt
            warnings.append(
                "\(DataFiles.shown(folder)): \(bare) of \(images.count) images have no caption file and get \"\(words)\""
            )
        }
        return images
    }

    /// Pictures that other trainers read and this one does not.
    private static let otherImages: Set<String> = [
        "bmp", "avif", "jxl", "gif", "tif", "tiff", "heic", "heif", "jp2", "psd",
    ]

    /// kohya's rules: first line of `stem.txt` or `stem.caption`; nil without such a file.
    private mutating func caption(of name: String, in folder: String, names: [String]) -> String? {
        guard let file = captionFile(of: name, in: folder, names: names) else { return nil }
        let text: String
        do {
            let read = try DataFiles.text("\(folder)/\(file)")
            // A mark used to be part of the caption.
            if read.hadMark { isNewlyRead = true }
            text = read.text
        } catch {
            report(error)
            return ""
        }
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        let caption = Self.trimmed(line)
        if caption.isEmpty {
            report(
                .empty, "\(DataFiles.shown("\(folder)/\(file)")): an empty caption; write one or remove the file")
        }
        return caption
    }

    /// The file of the same stem, byte for byte; else the only one that differs by its normalisation alone,
    /// as folders copied from a Mac have it.
    private mutating func captionFile(of name: String, in folder: String, names: [String]) -> String? {
        for ending in ["txt", "caption"] {
            let wanted = "\(DataFiles.stem(name)).\(ending)"
            if let exact = names.first(where: { $0.utf8.elementsEqual(wanted.utf8) }) { return exact }
            // One that has a picture of its own, byte for byte, is that picture's.
            let alike = names.filter { other in
                let stem = DataFiles.stem(other).utf8
                return other == wanted
                    && !names.contains { Self.isPicture($0) && DataFiles.stem($0).utf8.elementsEqual(stem) }
            }
            let twins = names.filter { Self.isPicture($0) && DataFiles.stem($0) == DataFiles.stem(name) }
            if alike.count == 1, twins.count == 1 {
                isNewlyRead = true
                warnings.append(
                    "\(DataFiles.shown("\(folder)/\(alike[0])")): taken for the caption of \(name), "
                        + "whose name is the same in another Unicode normalisation"
                )
                return alike[0]
            }
            if !alike.isEmpty {
                report(
                    .malformed,
                    "\(DataFiles.shown("\(folder)/\(name)")): several images or captions have this name in "
                        + "different Unicode normalisations; rename them"
                )
                return nil
            }
        }
        return nil
    }

    /// Without spaces at its ends.
    static func trimmed(_ text: String) -> String {
        let isSpace = { (character: Character) in character.isWhitespace && !character.isNewline }
        guard let start = text.firstIndex(where: { !isSpace($0) }), let end = text.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(text[start...end])
    }
}
