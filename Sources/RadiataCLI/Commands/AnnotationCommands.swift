import ArgumentParser
import SweepClient
import SweepModel
import SweepWire

struct TagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag",
        abstract: "Put tags on a sweep or a job, take them off, or list them.",
        discussion:
            "Tags are words of your own. 'jobs --tag NAME' finds jobs by them, SQL finds both in the view 'tags'.")

    @Argument(help: "A sweep's name, or a job id (a unique beginning of at least 8 digits).")
    var target: String

    @Argument(help: "Tags: words without commas. None: only list those that are there.")
    var names: [String] = []

    @Flag(help: "Take these tags off instead.")
    var remove = false

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func validate() throws {
        if remove, names.isEmpty { throw ValidationError("--remove needs the tags to take off") }
    }

    func run() async throws {
        let request = AnnotateRequest(target: target, add: remove ? [] : names, remove: remove ? names : [])
        let answer = try await options.client().call(.annotate, request)
        if output.format == .json { return Console.out(try JSONText.encode(answer)) }
        for tag in answer.tags { Console.out(tag) }
        if answer.tags.isEmpty { Console.note("\(target) has no tags") }
    }
}

struct NoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "note",
        abstract: "Write a note on a sweep or a job, show it, or remove it.",
        discussion: "There is one note; a new one takes the place of the old one. SQL finds notes in the view 'notes'.")

    @Argument(help: "A sweep's name, or a job id (a unique beginning of at least 8 digits).")
    var target: String

    @Argument(help: "The note. None: only show the one that is there.")
    var text: [String] = []

    @Flag(help: "Remove the note.")
    var remove = false

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func validate() throws {
        if remove, !text.isEmpty { throw ValidationError("--remove takes no text") }
    }

    func run() async throws {
        let note = text.isEmpty ? (remove ? "" : nil) : text.joined(separator: " ")
        let answer = try await options.client().call(.annotate, AnnotateRequest(target: target, note: note))
        if output.format == .json { return Console.out(try JSONText.encode(answer)) }
        if let note = answer.note { Console.out(note) } else { Console.note("\(target) has no note") }
    }
}
