import ConfigText
import Foundation
import RunSpec
import Testing

@Suite("Configuration files changed by path")
struct ConfigDocumentTests {
    struct Case: Decodable, CustomStringConvertible {
        struct Edit: Decodable {
            let path: String
            let value: ParameterValue
            let parsed: ParameterValue
        }

        let format: String
        let text: String
        let parsed: ParameterValue
        let edits: [Edit]
        var description: String { "\(format) \(text.prefix(20))" }
    }

    static let cases: [Case] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/edits.json")
        // A fixture that is not there fails every test that needs it.
        return (try? JSONDecoder().decode([Case].self, from: Data(contentsOf: file))) ?? []
    }()

    @Test("files are read as Python's readers of their formats read them")
    func reading() throws {
        #expect(Self.cases.count == 7)
        for file in Self.cases {
            let format = try #require(ConfigFormat(ofFile: "x.\(file.format)"))
            #expect(try ConfigDocument(file.text, format: format).root.value == file.parsed, "\(file)")
            #expect(try ConfigDocument(file.text, format: format).text == file.text)
        }
    }

    @Test("one value changed or added changes that value alone, as Python would; comments and other lines stay")
    func editing() throws {
        var count = 0
        for file in Self.cases {
            let format = try #require(ConfigFormat(ofFile: "x.\(file.format)"))
            let lines = file.text.split(separator: "\n").filter { $0.contains("#") && !$0.contains("\"") }
            for edit in file.edits {
                var document = try ConfigDocument(file.text, format: format)
                let path = try #require(ConfigPath(edit.path), "\(edit.path)")
                do {
                    try document.set(path, edit.value)
                } catch {
                    Issue.record("\(file): \(edit.path) = \(edit.value): \(error)")
                    continue
                }
                #expect(document.root.value == edit.parsed, "\(edit.path) = \(edit.value)\n\(document.text)")
                for line in lines {
                    guard let comment = line.firstIndex(of: "#") else { continue }
                    #expect(document.text.contains(line[comment...]), "\(edit.path): lost \(line[comment...])")
                }
                // Of the lines that are not about it hardly any differ: the one that is changed, or one more.
                let before = Set(file.text.split(separator: "\n"))
                let after = document.text.split(separator: "\n")
                #expect(after.filter { !before.contains($0) }.count <= 2, "\(edit.path)\n\(document.text)")
                count += 1
            }
        }
        #expect(count > 250)
    }

    @Test(
        "a number stays of its type: a float keeps its point, also for readers of YAML 1.1; text stays text",
        arguments: [
            ("a = 1.0\n", "toml", 2.0, "a = 2.0\n"), ("a = 1e-4\n", "toml", 1e-5, "a = 1.0e-05\n"),
            ("a = 4\n", "toml", 8, "a = 8\n"), ("a = 4\n", "toml", 0.5, "a = 0.5\n"),
            ("a = \"4\"  # x\n", "toml", 8, "a = \"8\"  # x\n"), ("a: 1.0e-4\n", "yaml", 5e-7, "a: 5.0e-07\n"),
            ("a: 3\n", "yaml", 4, "a: 4\n"), ("a: '3'\n", "yaml", 4, "a: \"4\"\n"), ("a:\n", "yaml", 4, "a: 4\n"),
            ("{\"a\": 1.0}", "json", 3, "{\"a\": 3.0}"),
        ] as [(String, String, Double, String)])
    func types(text: String, format: String, value: Double, expected: String) throws {
        var document = try ConfigDocument(text, format: try #require(ConfigFormat(rawValue: format)))
        try document.set(try #require(ConfigPath("a")), .number(value))
        #expect(document.text == expected)
    }

    private static let pairs: Set<String> = ["network_args", "optimizer_args"]

    @Test("a path goes on into a list of name=value texts: there it is set, else it is added")
    func pairs() throws {
        let text = "network_args = [\n  \"conv_dim=8\",  # of 3x3\n  \"algo=lora\",\n]\noptimizer_args = []\n"
        var document = try ConfigDocument(text, format: .toml, pairs: Self.pairs)
        try document.set(try #require(ConfigPath("network_args.conv_dim")), 4)
        try document.set(try #require(ConfigPath("network_args.algo")), "lokr")
        try document.set(try #require(ConfigPath("network_args.use_tucker")), true)
        try document.set(try #require(ConfigPath("optimizer_args.betas")), [0.9, 0.99])
        try document.set(try #require(ConfigPath("lr_scheduler_args.x")), 1)
        #expect(
            document.value(at: try #require(ConfigPath("network_args")))
                == ["conv_dim=4", "algo=lokr", "use_tucker=True"])
        #expect(document.value(at: try #require(ConfigPath("optimizer_args"))) == ["betas=0.9,0.99"])
        #expect(document.text.contains("# of 3x3"))
        // Not told that it is such a list, and not there: a table.
        #expect(document.value(at: try #require(ConfigPath("lr_scheduler_args.x"))) == 1)

        var bare = try ConfigDocument("a = 1\n", format: .toml, pairs: Self.pairs)
        try bare.set(try #require(ConfigPath("network_args.conv_dim")), 4)
        #expect(bare.text == "network_args = [\"conv_dim=4\"]\na = 1\n")
        #expect(bare.value(at: try #require(ConfigPath("network_args.conv_dim"))) == "4")
    }

    @Test("in a flat file a key is set where it stands, in each table that has it, since the last one counts")
    func flat() throws {
        let text = "lr = 1\n[a]\nlr = 2 # here\n[b]\nlr = 3\ndim = 4\n"
        var document = try ConfigDocument(text, format: .toml, isFlat: true)
        try document.set(try #require(ConfigPath("lr")), 9)
        try document.set(try #require(ConfigPath("dim")), 8)
        try document.set(try #require(ConfigPath("new")), 5)
        #expect(document.text == "new = 5\nlr = 9\n[a]\nlr = 9 # here\n[b]\nlr = 9\ndim = 8\n")
        #expect(document.keys == ["new", "lr", "lr", "lr", "dim"])
    }

    @Test(
        "what cannot be set is refused with its path and the reason",
        arguments: [
            ("a: {b: 1}\n", "yaml", "a.b.c", "a.b is a number"), ("a: [1, 2]\n", "yaml", "a[5]", "2 items"),
            ("a: &x {b: 1}\nc: *x\n", "yaml", "a.b", "&x"), ("a: &x {b: 1}\nc: *x\n", "yaml", "c.b", "*x"),
            ("a: [1]\n", "yaml", "a.b", "a[0].b"), ("a = 1\n", "toml", "b[0]", "no such list"),
            ("{\"a\": \"x\"}", "json", "a.b", "has nothing inside"),
        ])
    func refused(text: String, format: String, path: String, reason: String) throws {
        var document = try ConfigDocument(text, format: try #require(ConfigFormat(rawValue: format)))
        let path = try #require(ConfigPath(path))
        let error = #expect(throws: ConfigFault.self) { try document.set(path, 1) }
        #expect(
            error?.message.hasPrefix("\(path): ") == true && error?.message.contains(reason) == true,
            "\(String(describing: error))")
        #expect(document.text == text)
    }

    @Test(
        "text that is not of its format is refused with the line",
        arguments: [
            ("a = 1\nb = \n", "toml", 2), ("a = 1\na = 2\n", "toml", 2), ("[a\n", "toml", 1), ("a = word\n", "toml", 1),
            ("a = 1 b = 2\n", "toml", 1), ("{\"a\": 1,\n b}", "json", 2), ("{\"a\": 1", "json", 1),
            ("a: 1\n\tb: 2\n", "yaml", 2), ("a: [1\nb: 2\n", "yaml", 2), ("a = \"x\n", "toml", 1),
        ])
    func malformed(text: String, format: String, line: Int) throws {
        let format = try #require(ConfigFormat(rawValue: format))
        let error = #expect(throws: ConfigFault.self) { try ConfigDocument(text, format: format) }
        #expect(error?.line == line, "\(String(describing: error))")
    }

    @Test("paths are read as they are written", arguments: ["a", "a.b", "a[0]", "a[0][1].b-c.d"])
    func paths(text: String) throws { #expect(try #require(ConfigPath(text)).description == text) }

    @Test("what is no path is none", arguments: ["", ".", "a.", "a..b", "[0]", "a[", "a[x]", "a[-1]", "a]b"])
    func noPaths(text: String) { #expect(ConfigPath(text) == nil) }
}
