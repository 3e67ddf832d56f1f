import CoreData
import Testing

@Suite("concepts.yaml")
struct ConceptFileTests {
    @Test("a hand-written file is read with its comments, quotes and lists")
    func handWrittenFile() throws {
        let text = """
            # what this data set holds
            ---
            8_moons:
              trigger: "zami"
              class: moon   # the word the base model does not know
              kind: object
              prompts: ["a zami moon, small", 'it''s a zami moon']
            3_my_icons:
              kind: style
              subclasses:
                - flat
                - "with \\"depth\\""
            """
        let concepts = try ConceptFile.parse(text, file: "concepts.yaml")
        #expect(
            concepts == [
                Concept(
                    folder: "8_moons", trigger: "zami", className: "moon", kind: .object,
                    prompts: ["a zami moon, small", "it's a zami moon"]),
                Concept(
                    folder: "3_my_icons", trigger: "", className: "my_icons", kind: .style,
                    subclasses: ["flat", "with \"depth\""]),
            ])
        #expect(concepts[0].repeats == 8 && concepts[1].name == "my_icons")
    }

    @Test("what is written reads back the same")
    func formatRoundTrips() throws {
        let concepts = [
            Concept(
                folder: "1_a: b", trigger: "t#1", className: "\"c\" \\ d", kind: .scene, subclasses: ["x", "y: z"],
                prompts: ["- p", "'q'"])
        ]
        let text = ConceptFile.format(concepts).replacing("1_a: b:", with: "\"1_a: b\":")
        #expect(try ConceptFile.parse(text, file: "f") == concepts)
    }

    @Test(
        "faults name the line",
        arguments: [
            ("trigger: x\n", "f:1"), ("1_a:\n  colour: red\n", "f:2"), ("1_a:\n  kind: animal\n", "f:2"),
            ("1_a:\n  class: \"open\n", "f:2"), ("1_a:\n1_a:\n", "f:2"), ("1_a:\n  - x\n", "f:2"),
            ("1_a:\n\tclass: x\n", "f:2"), ("1_a:\n  prompts: [a, b\n", "f:2"), ("1_a:\n  class: [a, b]\n", "f:2"),
        ])
    func faultsNameTheLine(text: String, place: String) {
        let error = #expect(throws: DataError.self) { try ConceptFile.parse(text, file: "f") }
        #expect(error?.message.hasPrefix("\(place):") == true, "\(error?.message ?? "")")
    }
}
