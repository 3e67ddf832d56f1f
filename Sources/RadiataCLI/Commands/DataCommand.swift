import ArgumentParser
import CoreData
import CoreTools

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Make data sets in kohya's folder layout.",
        subcommands: [Emoji.self, Folder.self, Concepts.self, Pairs.self])

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
            guard kind != .edit else { throw ValidationError("--kind edit: pairs are made by 'radiata data pairs'") }
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

    struct Pairs: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Pairs of pictures with an instruction, to train edits on.",
            discussion: """
                With --source and --target: two folders with files of the same stems and sizes. Without them: edits of \
                emoji that can be computed (recolour, add glasses, remove the background, change the expression), \
                a share of the objects held out.
                """)

        @Option(help: "Folder of what edits begin with.")
        var source: String?
        @Option(help: "Folder of what they make; a .txt of the same stem beside a picture is its instruction.")
        var target: String?
        @Option(parsing: .unconditional, help: "Instruction for targets without a .txt.")
        var instruction: String?
        @Option(help: "Name of the edit's folder, N_name: N repeats an epoch; 1_edit if left out.")
        var name: String?
        @Option(help: "Objects of each edit of emoji; 64 if left out.")
        var count: Int?
        @Option(help: "Side of emoji pictures in pixels; 64 if left out.")
        var size: Int?
        @Option(help: "Colour bitmap font; that of the Debian package fonts-noto-color-emoji if left out.")
        var font: String?
        @Option(help: "Folder for the data set.")
        var out: String

        func validate() throws {
            guard (source == nil) == (target == nil) else {
                throw ValidationError("--source and --target belong together: name both, or none for emoji")
            }
            // What would be left out in silence.
            let strangers =
                source == nil
                ? [("instruction", instruction != nil), ("name", name != nil)]
                : [("count", count != nil), ("size", size != nil), ("font", font != nil)]
            if let stranger = strangers.first(where: \.1)?.0 {
                throw ValidationError(
                    source == nil
                        ? "--\(stranger): for pictures of your own; name them with --source and --target"
                        : "--\(stranger): for edits of emoji; leave it out, or leave out --source and --target")
            }
            if let instruction, instruction.allSatisfy(\.isWhitespace) {
                throw ValidationError("--instruction is empty: wanted words such as \"make it blue\"")
            }
            if let count, count < 1 { throw ValidationError("--count \(count): wanted 1 or more") }
            if let size, !(8...1024).contains(size) { throw ValidationError("--size \(size): wanted 8 to 1024") }
        }

        func run() throws {
            let count: Int
            if let source, let target {
                count = try DataPairs.Folders(
                    source: source, target: target, instruction: instruction, out: out, name: name ?? "1_edit"
                ).run(progress: Console.note)
            } else {
                var emoji = DataPairs.Emoji(out: out)
                emoji.count = self.count ?? emoji.count
                emoji.side = size ?? emoji.side
                emoji.font = font ?? emoji.font
                count = try emoji.run(progress: Console.note)
            }
            Console.out("\(count) pairs in \(out)")
        }
    }
}

extension ConceptKind: ExpressibleByArgument {}
