import CoreData
import ImageFiles
import RunSpec

/// `radiata data pairs`: pairs of pictures with an instruction, as data of kind `edit`: of two folders, or
/// made of the emoji font.
package enum DataPairs {
    /// Two folders with files of the same stems.
    package struct Folders: Sendable {
        package var source: String
        package var target: String
        /// For targets without a `.txt` of the same stem beside them; nil where each has one.
        package var instruction: String?
        package var out: String
        /// Name of the edit's folder, `N_name`: N repeats an epoch.
        package var name: String

        package init(source: String, target: String, instruction: String?, out: String, name: String) {
            self.source = source
            self.target = target
            self.instruction = instruction
            self.out = out
            self.name = name
        }

        /// - Throws: `DataError` with every stem that has no partner, or with every pair that cannot be used;
        ///   nothing was written then.
        /// - Returns: the number of pairs written.
        package func run(progress: (String) -> Void) throws -> Int {
            let (sources, targets) = (try Self.byStem(source), try Self.byStem(target))
            let bare =
                targets.keys.filter { sources[$0] == nil }.sorted().map { "\(source): no source \($0)" }
                + sources.keys.filter { targets[$0] == nil }.sorted().map { "\(target): no target \($0)" }
            guard bare.isEmpty else {
                throw DataError(
                    code: .missing,
                    message: bare.joined(separator: "\n") + "\nwanted files of the same stems in both folders")
            }
            guard !targets.isEmpty else {
                throw DataError(
                    code: .empty, message: "\(target): found no PNG, JPEG or WebP image; choose another folder")
            }
            let pairs = targets.sorted { $0.key < $1.key }.compactMap { stem, target in
                sources[stem].map { Pair(stem: stem, source: $0, target: target) }
            }
            // All of them before the first is written.
            try check(pairs, progress)
            let words = Concept(folder: name, trigger: "", className: "", kind: .edit).name.replacing("_", with: " ")
            let writer = try DataConceptWriter(
                root: out, concept: Concept(folder: name, trigger: "", className: words, kind: .edit))
            for pair in pairs {
                try writer.write(
                    try DataPictures.load(pair.target).image.composited(), stem: pair.stem,
                    caption: try caption(of: pair), source: pair.target,
                    editOf: try DataPictures.load(pair.source).image.composited())
            }
            try writer.finish(licence: "")
            progress("\(out)/\(name): \(pairs.count) pairs")
            return pairs.count
        }

        private struct Pair {
            let stem: String
            let source: String
            let target: String
        }

        private func check(_ pairs: [Pair], _ progress: (String) -> Void) throws {
            var faults: [String] = []
            for pair in pairs {
                do {
                    let (before, after) = (try DataPictures.load(pair.source), try DataPictures.load(pair.target))
                    for warning in [before.warning, after.warning] { warning.map { progress("warning: \($0)") } }
                    if before.image.width != after.image.width || before.image.height != after.image.height {
                        faults.append(
                            "\(pair.source): \(before.image.width)×\(before.image.height) pixels, its target "
                                + "\(pair.target) has \(after.image.width)×\(after.image.height); "
                                + "make both the same size")
                    }
                    _ = try caption(of: pair)
                } catch {
                    faults.append("\(error)")
                }
            }
            guard faults.isEmpty else {
                throw DataError(code: .malformed, message: faults.joined(separator: "\n") + "\nnothing was written")
            }
        }

        private func caption(of pair: Pair) throws -> String {
            if let own = try DataPictures.caption(beside: pair.target) { return own }
            guard let instruction else {
                throw DataError(
                    code: .missing,
                    message:
                        "\(pair.target): no .txt of the same stem with its instruction; add it, or name one for all "
                        + "(--instruction)")
            }
            return instruction
        }

        /// - Throws: `DataError` for two pictures of one stem.
        private static func byStem(_ folder: String) throws -> [String: String] {
            var files: [String: String] = [:]
            for path in try DataPictures.paths(below: folder) {
                let stem = DataPictures.stem(of: path)
                if let other = files.updateValue(path, forKey: stem) {
                    throw DataError(
                        code: .malformed, message: "\(other) and \(path): of the same stem; keep one of them")
                }
            }
            return files
        }
    }

    /// Edits of emoji that can be computed: the same pairs on every machine with the same font.
    package struct Emoji: Sendable {
        package var font = EmojiFont.defaultPath
        package var names = UnicodeNames.defaultPath
        package var out: String
        /// Objects of each edit.
        package var count = 64
        /// Pixels of a side.
        package var side = 64
        /// Of all objects; what is held out of one edit is held out of all.
        package var holdout = 0.25

        package init(out: String) { self.out = out }

        /// - Throws: `DataError` for a font or names that cannot be used, `ImageFileError` or Foundation's
        ///   error if a file cannot be written.
        /// - Returns: the number of pairs written.
        package func run(progress: (String) -> Void) throws -> Int {
            let names = try UnicodeNames(path: names)
            let catalogue = EmojiCatalogue(font: try EmojiFont(path: font), names: names)
            guard let smile = try catalogue.font.image(of: EmojiEdit.smile) else {
                throw DataError(
                    code: .missing, message: "\(font): has no slightly smiling face; use NotoColorEmoji.ttf")
            }
            let objects = PairObjects(catalogue, holdout: holdout)
            var count = 0
            for edit in EmojiEdit.allCases {
                let writer = try DataConceptWriter(
                    root: out,
                    concept: Concept(folder: "1_\(edit.rawValue)", trigger: "", className: edit.rawValue, kind: .edit))
                let chosen = objects.chosen(edit, count: self.count)
                for object in chosen {
                    guard let subject = try catalogue.font.image(of: object.codePoint) else { continue }
                    let pair = edit.pair(of: subject, smile: smile, backdrop: object.backdrop, side: side)
                    try writer.write(
                        pair.target, stem: object.code, caption: edit.instruction,
                        source: "U+\(object.code.uppercased()), \(edit.rawValue)", editOf: pair.source,
                        isHeldOut: object.isHeldOut)
                }
                try writer.finish(licence: DataLicences.notoEmoji)
                count += chosen.count
                progress("\(out)/1_\(edit.rawValue): \(chosen.count) pairs")
            }
            return count
        }
    }
}
