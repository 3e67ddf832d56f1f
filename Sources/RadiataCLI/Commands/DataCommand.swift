import ArgumentParser
import CoreData
import CoreTools

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Make data sets in kohya's folder layout.",
        subcommands: [Emoji.self, Folder.self, Concepts.self])

    struct Emoji: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Pictures of the installed emoji font, Unicode names as captions.")

        @Option(help: "Only this held-out family, with its trigger; everything the base may train on if left out.")
        var family: String?
        @Option(help: "Colour bitmap font.")
        var font = EmojiFont.defaultPath
        @Option(help: "Folder for the data set.")
        var out: String

        func run() throws {
            var data = DataEmoji(out: out)
            data.family = family
            data.font = font
            let count = try data.run(progress: Console.note)
            Console.out("\(count) images in \(out)")
        }
    }

    struct Folder: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Any folder of pictures as one concept; captions are made from file names.")

        @Option(help: "Folder with PNG, JPEG and WebP files.")
        var source: String
        @Option(help: "Folder for the data set.")
        var out: String
        @Option(help: "Name of the concept's folder, N_name: N repeats an epoch.")
        var name: String
        @Option(help: "A word that means the concept.")
        var trigger: String
        @Option(name: .customLong("class"), help: "What it is a kind of.")
        var className: String
        @Option(help: "character, object, style or scene.")
        var kind: ConceptKind = .object
        @Option(help: "Only these file stems (comma separated, stem=words for the caption).")
        var select: String = ""
        @Option(help: "Longer side in pixels.")
        var size = 128

        func validate() throws {
            guard (1...16_384).contains(size) else { throw ValidationError("--size \(size): wanted 1 to 16384") }
        }

        func run() throws {
            var data = DataFolder(
                source: source, out: out,
                concept: Concept(folder: name, trigger: trigger, className: className, kind: kind))
            data.select = select.split(separator: ",").map(String.init)
            data.size = size
            let count = try data.run(progress: Console.note)
            Console.out("\(count) images in \(out)")
        }
    }

    struct Concepts: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The concepts that ship with Radiata, made again from the installed font and icons.")

        @Option(help: "Folder for all concepts.")
        var out = "data/concepts"
        @Option(help: "Folder for the quickstart's one concept.")
        var quickstart = "data/quickstart"

        func run() throws {
            let count = try DataConcepts.run(out: out, quickstart: quickstart, progress: Console.note)
            Console.out("\(count) images")
        }
    }
}

extension ConceptKind: ExpressibleByArgument {}
