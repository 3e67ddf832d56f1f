import Foundation

/// A folder of pictures with what each shows and what it shall show: `edits.jsonl`, one object a line,
/// `{"image": "cat.png", "prompt": "a cat", "edit": "a cat with a hat"}`.
package struct EditFolder: Equatable, Sendable {
    package struct Entry: Codable, Equatable, Sendable {
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

        private enum CodingKeys: String, CodingKey, CaseIterable { case image, prompt, edit, concept, words }

        static let keys = CodingKeys.allCases.map(\.rawValue)

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
        guard let bytes = FileManager.default.contents(atPath: list) else {
            throw DataError(
                code: .missing,
                message: "\(list): not there; editing wants one object a line with prompt, edit and, as a rule, image")
        }
        var entries: [Entry] = []
        var faults: [DataError] = []
        for (place, line) in bytes.split(separator: 0x0A).enumerated() where !line.allSatisfy({ $0 <= 0x20 }) {
            do throws(DataError) {
                entries.append(try Self.entry(Data(line), at: "\(list): entry \(place + 1)", in: path))
            } catch {
                faults.append(error)
            }
        }
        guard faults.isEmpty else { throw DataError(all: faults, path: list) }
        guard !entries.isEmpty else { throw DataError(code: .empty, message: "\(list): names nothing to edit") }
        self.entries = entries
        names = Self.names(entries)
    }

    /// The path of an entry's image.
    package func image(of entry: Entry) -> String? { entry.image.map { "\(path)/\($0)" } }

    /// Of each entry's picture, without an ending: `red-heart`, and `red-heart-b` for a second one. A number
    /// in the name of a sample would be read as a step.
    package let names: [String]

    private static func names(_ entries: [Entry]) -> [String] {
        var seen: Set<String> = []
        return entries.map { entry in
            var name = entry.stem
            while !seen.insert(name).inserted { name += name == entry.stem ? "-b" : "b" }
            return name
        }
    }

    private static func entry(_ line: Data, at place: String, in folder: String) throws(DataError) -> Entry {
        func malformed(_ message: String) -> DataError { DataError(code: .malformed, message: "\(place): \(message)") }
        let entry: Entry
        let given: [String]
        do {
            entry = try JSONDecoder().decode(Entry.self, from: line)
            given = Array((try JSONSerialization.jsonObject(with: line) as? [String: Any] ?? [:]).keys)
        } catch {
            throw malformed("wanted an object with the texts prompt and edit (\(error))")
        }
        if let unknown = given.sorted().first(where: { !Entry.keys.contains($0) }) {
            throw malformed("unknown key '\(unknown)'; known: \(Entry.keys.joined(separator: ", "))")
        }
        guard let image = entry.image else { return entry }
        guard !image.hasPrefix("/"), !image.split(separator: "/").contains("..") else {
            throw malformed("image '\(image)' leads out of the folder; pictures lie in it")
        }
        guard FileManager.default.fileExists(atPath: "\(folder)/\(image)") else {
            throw DataError(code: .missing, message: "\(place): image '\(image)' is not there")
        }
        return entry
    }
}
