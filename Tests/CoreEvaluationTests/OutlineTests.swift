import CoreData
import CoreEvaluation
import RunSpec
import Testing

@Suite("What an evaluation draws")
struct OutlineTests {
    private typealias Described = (concept: Concept, captions: [String], heldOut: [String])

    private func described(
        _ name: String, _ kind: ConceptKind, subclasses: [String] = [], pictures: Int = 4, heldOut: Int = 0
    ) -> Described {
        let tags = subclasses.isEmpty ? [""] : subclasses.map { $0 == "others" ? "" : ", \($0)" }
        func captions(_ count: Int) -> [String] {
            (0..<max(count, tags.count)).map { "[\(name)] \(name)\(tags[$0 % tags.count]), seen from \($0)" }
        }
        return (
            Concept(folder: "1_\(name)", trigger: "[\(name)]", className: name, kind: kind, subclasses: subclasses),
            captions(pictures), heldOut == 0 ? [] : captions(heldOut)
        )
    }

    /// The 28 classes of the paper with the sub-classes that it evaluates.
    private var paper: [Described] {
        let anime: [(String, [String])] = [
            ("yuuki", []), ("kotomine", []), ("tsushima", []),
            ("ika", ["default outfit", "alternative outfit", "others"]),
            ("abukuma", ["dark uniform", "light uniform", "others"]),
        ]
        let movies: [(String, [String])] = [
            ("k2so", []), ("piett", ["figurine", "realistic"]), ("bodhi", ["figurine", "illustration", "realistic"]),
            ("saw", ["afro illustration", "afro realistic", "bald 3d", "bald realistic"]),
            ("rose", ["illustration", "realistic"]),
        ]
        let toys = ["tortoise", "pink", "panda", "bunny", "lobster", "teddy"].map { ($0, [String]()) }
        let scenes = ["waterfall", "garden", "canal", "castle", "sculpture"].map { ($0, [String]()) }
        let styles = ["ghibli", "ghibli2", "oldbook", "ukiyoe", "impression", "vallotton", "borovikovsky"]
        func all(_ classes: [(String, [String])], _ kind: ConceptKind) -> [Described] {
            classes.map { described($0.0, kind, subclasses: $0.1) }
        }
        return all(anime, .character) + all(movies, .character) + all(toys, .object) + all(scenes, .scene)
            + all(styles.map { ($0, []) }, .style)
    }

    @Test("the paper's protocol is 39 sub-classes and 14,900 images a checkpoint")
    func counts() {
        let outline = EvaluationOutline(paper, spec: EvaluationSpec(promptSet: .lycoris))
        #expect(paper.count == 28 && outline.parts.count == 39)
        func images(_ kind: ConceptKind, _ type: PromptType? = nil) -> Int {
            outline.entries.filter { entry in
                paper[outline.parts[entry.part].concept].concept.kind == kind
                    && (type == nil || type == entry.plan.type)
            }.reduce(0) { $0 + $1.plan.prompts.count }
        }
        // Anime and movie characters: 9 and 12 sub-classes of four prompt types.
        #expect(images(.character) == 3600 + 4800 && images(.scene) == 2000 && images(.object) == 2400)
        #expect(images(.style) == 2100 && images(.style, .style) == 0)
        #expect(outline.images == 14_900 && outline.images == 39 * 300 + 32 * 100)
        // Ten prompts of ten images, five of twenty, one of a hundred.
        for entry in outline.entries {
            let counts = Set(Dictionary(grouping: entry.plan.prompts, by: \.text).values.map(\.count))
            switch entry.plan.type {
            case .alter: #expect(counts == [10])
            case .style: #expect(counts == [20])
            case .trigger: #expect(counts == [100])
            default: #expect(Set(entry.plan.prompts.map(\.seed)) == Set(1000..<1100))
            }
        }
    }

    @Test("a sub-class has its own pictures, captions and trigger; what belongs to none is one only where it is listed")
    func subclasses() throws {
        let ika = described("ika", .character, subclasses: ["red coat", "coat", "others"], pictures: 7, heldOut: 4)
        let outline = EvaluationOutline([ika], spec: EvaluationSpec(images: 3, holdout: 0.2, promptSet: .lycoris))
        #expect(outline.parts.map(\.name) == ["ika/red coat", "ika/coat", "ika/others"])
        #expect(outline.parts.map(\.trained) == [[0, 3, 6], [1, 4], [2, 5]])
        #expect(outline.parts.map(\.heldOut) == [[0, 3], [1], [2]])
        func texts(_ part: Int, _ type: PromptType) -> [String] {
            outline.entries.first { $0.part == part && $0.plan.type == type }?.plan.prompts.map(\.text) ?? []
        }
        #expect(texts(0, .trigger) == Array(repeating: "[ika] ika, red coat", count: 3))
        #expect(texts(2, .trigger).first == "[ika] ika")
        #expect(
            texts(1, .train) == [
                "[ika] ika, coat, seen from 1", "[ika] ika, coat, seen from 4", "[ika] ika, coat, seen from 1",
            ])
        #expect(texts(1, .holdout).first == "[ika] ika, coat, seen from 1")
        #expect(texts(1, .alter).allSatisfy { $0.hasPrefix("[ika] ika, coat, ") })
        // Of sub-classes that no caption names nothing could be drawn.
        let unnamed = EvaluationOutline(
            [(Concept(folder: "1_x", trigger: "v", className: "x", kind: .object, subclasses: ["a"]), ["v x"], [])],
            spec: EvaluationSpec(images: 3, promptSet: .lycoris))
        #expect(unnamed.parts.map(\.name) == ["x"] && unnamed.entries.count == 4)
        // The plain set takes the concept as a whole, whatever its list says.
        let plain = EvaluationOutline([ika], spec: EvaluationSpec(images: 3))
        #expect(plain.parts.map(\.name) == ["ika"] && plain.parts[0].trained == Array(0..<7))
        #expect(plain.entries.map(\.plan.type) == [.train, .trigger, .alter, .style])
    }

    @Test("concept-free prompts name neither trigger nor class, and ask the base the same")
    func conceptFree() {
        for name in ["dog", "red panda", "thing"] {
            let concept = Concept(folder: "1_x", trigger: "veko", className: name, kind: .object)
            let plan = PromptPlan(.conceptFree, concept: concept, captions: ["veko"], images: 30)
            #expect(Set(plan.prompts.map(\.text)).count >= 10)
            for prompt in plan.prompts {
                let words = Set(prompt.text.split(separator: " "))
                #expect(words.isDisjoint(with: (name + " veko").split(separator: " ")), "\(name): \(prompt.text)")
                #expect(prompt.text == prompt.baseText && prompt.picture == nil)
            }
            // Diversity is that of images of one prompt.
            #expect(Set(plan.prompts.map(\.group)).count == Set(plan.prompts.map(\.text)).count)
        }
    }

    @Test("image i of every prompt type starts from the same noise")
    func noise() {
        let outline = EvaluationOutline(
            [described("cat", .character, heldOut: 2)],
            spec: EvaluationSpec(prompts: PromptType.choices, images: 9, holdout: 0.2))
        #expect(Set(outline.entries.map(\.plan.type)) == Set(PromptType.allCases))
        for entry in outline.entries { #expect(entry.plan.prompts.map(\.seed) == (1000..<1009).map { UInt64($0) }) }
    }
}
