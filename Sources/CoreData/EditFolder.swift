import Foundation
import ImageFiles
import RunSpec

/// A folder of pictures with what each shows and what it shall show: `edits.jsonl`, one object a line,
/// `{"image": "cat.png", "prompt": "a cat", "edit": "a cat with a hat"}`.
package struct EditFolder: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        /// Relative to the folder; nil for a picture that the base draws from the prompt.
        package var image: String?
        /// What the picture shows.
        package var prompt: String
        /// What it shall show.
        package var edit: String
        /// Of FluxSpace: what is added (`a hat`); nil for all of `edit`.
        package var concept: String?
        /// Of FluxSpace: words of the concept that make the mask; nil for the first.
        package var words: String?

        static let keys = ["image", "prompt", "edit", "concept", "words"]

        /// What its pictures are called: the image file's stem, else the prompt's words.
        var stem: String {
            let own = image.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent } ?? prompt
            let safe = own.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
            return String(String(safe).prefix(40))
        }
    }

    package static let listName = "edits.jsonl"

    package let path: String
    package let entries: [Entry]

    /// - Throws: `DataError` with every fault of the list, and for images that are not there.
    package init(path: String) throws(DataError) {
        self.path = path
        let list = "\(path)/\(Self.listName)"
        guard DataFiles.exists(list) else {
            throw DataError(
                code: .missing,
                message: "\(list): not there; editing wants one object a line with prompt, edit and, as a rule, image")
        }
        let text: String
        do {
            text = try DataFiles.text(list).text
        } catch {
            throw error as? DataError ?? DataError(code: .malformed, message: "\(list): \(error)")
        }
        var entries: [Entry] = []
        var faults: [DataError] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
        where !line.allSatisfy(\.isWhitespace) {
            do throws(DataError) {
                entries.append(try Self.entry(String(line), at: "\(list):\(index + 1)", in: path))
            } catch {
                faults.append(error)
            }
        }
        guard faults.isEmpty else { throw DataError(all: faults, path: list) }
        guard !entries.isEmpty else { throw DataError(code: .empty, message: "\(list): names nothing to edit") }
        self.entries = entries
        names = Self.names(entries)
    }

    /// Decodes every picture, as the jobs will.
    ///
    /// - Returns: what a person should know of them.
    /// - Throws: `DataError` with every picture that cannot be read.
    package func lookAtImages() throws(DataError) -> [String] {
        var (warnings, faults): ([String], [DataError]) = ([], [])
        for image in Set(entries.compactMap(image)).sorted() {
            do {
                if let warning = try DataPictures.load(image).warning { warnings.append(warning) }
            } catch {
                faults.append(error as? DataError ?? DataError(code: .malformed, message: "\(error)"))
            }
        }
        guard faults.isEmpty else { throw DataError(all: faults, path: path) }
        return warnings
    }

    /// The path of an entry's image.
    package func image(of entry: Entry) -> String? { entry.image.map { "\(path)/\($0)" } }

    /// Of each entry's picture, without an ending: `red-heart`, and `red-heart-b` for a second one.
    package let names: [String]

    /// Of the sheet with all of a job's pictures, without its ending; no entry's picture is called so.
    package static let sheetName = "edits"

    private static func names(_ entries: [Entry]) -> [String] {
        var seen: Set<String> = [sheetName]
        return entries.map { entry in
            var name = entry.stem
            while !seen.insert(name).inserted { name += name == entry.stem ? "-b" : "b" }
            return name
        }
    }

    private static func entry(_ line: String, at place: String, in folder: String) throws(DataError) -> Entry {
        func malformed(_ message: String) -> DataError { DataError(code: .malformed, message: "\(place): \(message)") }
        guard let found = try? JSONSerialization.jsonObject(with: Data(line.utf8)), let object = found as? [String: Any]
        else { throw malformed("wanted a JSON object such as {\"prompt\": \"a cat\", \"edit\": \"a cat with a hat\"}") }
        var texts: [String: String] = [:]
        for (key, value) in object.sorted(by: { $0.key < $1.key }) where !(value is NSNull) {
            guard Entry.keys.contains(key) else {
                let hint = nearest(to: key, among: Entry.keys).map { "did you mean '\($0)'?" }
                throw malformed("unknown key '\(key)'; \(hint ?? "known: \(Entry.keys.joined(separator: ", "))")")
            }
            guard let text = value as? String else { throw malformed("'\(key)' is no text; put it in quotes") }
            guard key == "prompt" || text.contains(where: { !$0.isWhitespace }) else {
                throw malformed("'\(key)' is empty; say something or leave the key out")
            }
            texts[key] = text
        }
        guard let prompt = texts["prompt"], let edit = texts["edit"] else {
            let missing = ["prompt", "edit"].filter { texts[$0] == nil }.joined(separator: " and ")
            throw malformed("no \(missing); wanted what the picture shows (prompt) and what it shall show (edit)")
        }
        let entry = Entry(
            image: texts["image"], prompt: prompt, edit: edit, concept: texts["concept"], words: texts["words"])
        guard let image = entry.image else { return entry }
        guard !image.hasPrefix("/"), !image.split(separator: "/").contains("..") else {
            throw malformed("image '\(image)' leads out of the folder; pictures lie in it")
        }
        guard DataFiles.exists("\(folder)/\(image)"), !DataFiles.isFolder("\(folder)/\(image)") else {
            throw DataError(code: .missing, message: "\(place): image '\(image)' is not there")
        }
        return entry
    }
}
