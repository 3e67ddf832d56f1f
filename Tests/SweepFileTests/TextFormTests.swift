import RunSpec
import SweepFile
import SweepModel
import Testing

/// Files as editors, other systems and other tools write them: read right, or refused with the right words.
@Suite("Forms of text")
struct TextFormTests {
    static let file = "name: t\ntrainer: { command: [run, \"{x}\"] }\ngroups: [ { grid: { x: [é, 1] } } ]\n"

    @Test(
        "UTF-8 and UTF-16 are read, with a byte-order mark or without",
        arguments: [
            Array(file.utf8), [0xEF, 0xBB, 0xBF] + Array(file.utf8), [0xFF, 0xFE] + utf16(file, bigEndian: false),
            [0xFE, 0xFF] + utf16(file, bigEndian: true), utf16(file, bigEndian: false), utf16(file, bigEndian: true),
        ])
    func encodings(bytes: [UInt8]) throws {
        let text = try SweepText.decode(bytes, file: "s.yaml")
        #expect(Array(text.utf8) == Array(Self.file.utf8))
        #expect(try read(text).plan.jobs.count == 2)
    }

    @Test("a mark before the text is no part of the first key, also where a bundle brings it")
    func mark() throws {
        let plain = try read(Self.file)
        #expect(try read("\u{FEFF}" + Self.file).plan == plain.plan)
    }

    @Test("what is no text is refused with its line")
    func noText() throws {
        func fault(_ bytes: [UInt8]) -> String {
            let error = #expect(throws: SweepFileError.self) { try SweepText.decode(bytes, file: "s.yaml") }
            return error?.description ?? ""
        }
        let latin = fault(Array("name: t\n# caf".utf8) + [0xE9] + Array("\nseeds: [1]\n".utf8))
        #expect(latin.hasPrefix("s.yaml:2:1: the byte 0xE9 is no UTF-8"), "\(latin)")
        #expect(fault([0xFF, 0xFE, 0, 0, 0x6E, 0, 0, 0]).contains("UTF-32"))
        #expect(fault([0xFF, 0xFE, 0x6E]).contains("UTF-16"))
    }

    @Test("line ends of Windows, directives, document marks and trailing marks are read")
    func windows() throws {
        let windows = Self.file.replacing("\n", with: "\r\n")
        #expect(try read(windows).plan.jobs.map(\.id) == (try read(Self.file)).plan.jobs.map(\.id))
        for text in ["---\n" + Self.file, "%YAML 1.2\n---\n" + Self.file + "...\n", "# a comment\n---\n" + Self.file] {
            #expect(try read(text).plan.jobs.count == 2)
        }
    }

    @Test(
        "what YAML does not take is named",
        arguments: [
            (Self.file + "---\nname: u\n", 4, "a second document begins here"),
            ("name: t\ngroups:\n\t- list: [ { x: 1 } ]\n", 3, "a tab stands where spaces are wanted"),
            ("name: t\nnote: \"a\u{1}b\"\n", 2, "a control character (0x1)"),
            ("name: t\nx: *.png\n", 2, "quote the text if a star is meant"),
        ])
    func refused(text: String, line: Int, message: String) {
        let error = #expect(throws: SweepFileError.self) { try read(text) }
        #expect(error?.faults.count == 1 && error?.faults[0].mark.line == line, "\(error?.description ?? "")")
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test(
        "stars are aliases only where YAML says so",
        arguments: [
            "# **Note**: use 5e-4\n" + file,
            file + "# - *a : b, [*c]: d, ? *e\n",
            "name: t\ntrainer: { command: [bash, -c, \"for f in *.png: do\", 'a *b: c', \"{x}\"] }\n"
                + "groups: [ { grid: { x: [1, 2] } } ]\n",
            "name: t\ntrainer:\n  command:\n    - bash\n    - -c\n    - |\n      for f in *.png: do\n      *x : y\n    - \"{x}\"\n"
                + "groups: [ { grid: { x: [1, 2] } } ]\n",
            "name: t\ntrainer: { command: [run, a*b: c, \"{x}\"] }\ngroups: [ { grid: { x: [1, 2] } } ]\n"
                .replacing("a*b: c", with: "a*b:c"),
            "name: t\ntrainer: { command: &c [run, \"{x}\"] }\n# *c: no alias\ngroups: [ { grid: { x: [1, 2] } } ]\n",
        ])
    func stars(text: String) throws {
        #expect(try read(text).plan.jobs.count == 2)
    }

    @Test("aliases still stand for what was named, and a key is none")
    func aliases() throws {
        let text = """
            name: t
            trainer: { command: [run, "{x}", "{y}"] }
            groups:
              - baseline: &b { x: 1, y: 2 }
              - list: [ *b, { x: 3, y: 4 } ]
            """
        #expect(try read(text).plan.jobs.count == 2)
        let key = #expect(throws: SweepFileError.self) { try read("a: &a x\n*a : 1\n") }
        #expect(key?.description.contains("a key that is no text") == true)
        let circle = #expect(throws: SweepFileError.self) { try read("a: &a [*a]\n") }
        #expect(circle?.description.contains("no '&a' stands before it") == true)
    }

    @Test("keys are told apart by their bytes")
    func normalisation() throws {
        let composed = "\u{E9}"
        let decomposed = "e\u{301}"
        func file(_ keys: String) -> String {
            "name: t\ntrainer: { command: [run], env: { \(keys) } }\ngroups: [ { list: [ {} ] } ]\n"
        }
        // No repetition for YAML; an environment, though, keeps one of what reads alike.
        let two = #expect(throws: SweepFileError.self) { try read(file("\(composed): 1, \(decomposed): 2")) }
        #expect(two?.code == .invalid, "\(two?.description ?? "")")
        #expect(two?.description.contains("written with other Unicode characters") == true, "\(two?.description ?? "")")
        let twice = #expect(throws: SweepFileError.self) { try read(file("\(composed): 1, \(composed): 2")) }
        #expect(twice?.code == .syntax && twice?.description.contains("twice in one map") == true)
        #expect(try read(file("\(decomposed): 1")).definition.trainer.command?.env.count == 1)
    }

    static func utf16(_ text: String, bigEndian: Bool) -> [UInt8] {
        text.utf16.flatMap { unit in
            let pair = [UInt8(unit >> 8), UInt8(unit & 0xFF)]
            return bigEndian ? pair : pair.reversed()
        }
    }
}
