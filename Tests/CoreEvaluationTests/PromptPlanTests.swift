import CoreData
import CoreEvaluation
import RunSpec
import Testing

@Suite("Prompt plans")
struct PromptPlanTests {
    private let cat = Concept(folder: "8_cats", trigger: "veko", className: "cat", kind: .character)

    private func plan(_ type: PromptType, _ concept: Concept? = nil, images: Int = 12) -> PromptPlan {
        PromptPlan(
            type, concept: concept ?? cat,
            captions: ["grinning veko cat with tears", "Veko, on a hill", "kissing veko cat"],
            images: images)
    }

    @Test("training captions are cycled; the base and the measure get the words without the trigger")
    func train() {
        let prompts = plan(.train, images: 4).prompts
        #expect(prompts.map(\.text)[0...1] == ["grinning veko cat with tears", "Veko, on a hill"])
        #expect(prompts[3].text == prompts[0].text)
        #expect(prompts.map(\.baseText)[0...1] == ["grinning cat with tears", "cat on a hill"])
        #expect(prompts.map(\.measuredText) == prompts.map(\.baseText))
        #expect(prompts.map(\.seed) == [1000, 1001, 1002, 1003])
    }

    @Test("each image of a caption knows its picture, cycled or cut; other prompts have none")
    func pictures() {
        #expect(plan(.train, images: 5).prompts.map(\.picture) == [0, 1, 2, 0, 1])
        #expect(plan(.train, images: 2).prompts.map(\.picture) == [0, 1])
        for type in PromptType.choices where type != .train {
            #expect(plan(type).prompts.allSatisfy { $0.picture == nil }, "\(type)")
        }
    }

    @Test("held-out captions are drawn as training captions are; a picture without words is asked for by the trigger")
    func heldOut() {
        let plan = PromptPlan(.holdout, concept: cat, captions: ["veko cat asleep", ""], images: 3)
        #expect(plan.prompts.map(\.text) == ["veko cat asleep", "veko cat", "veko cat asleep"])
        #expect(plan.prompts.map(\.picture) == [0, 1, 0] && plan.prompts.map(\.group) == [0, 0, 0])
    }

    @Test("the trigger is one prompt with many seeds, the alterations are several with at least three images each")
    func groups() {
        #expect(Set(plan(.trigger).prompts.map(\.text)) == ["veko cat"])
        let counts = Dictionary(grouping: plan(.alter).prompts, by: \.group).mapValues(\.count)
        #expect(counts == [0: 3, 1: 3, 2: 3, 3: 3])
        #expect(Set(plan(.alter, images: 100).prompts.map(\.text)).count == 10)
        #expect(plan(.alter).prompts.allSatisfy { $0.text.contains("veko cat") && !$0.baseText.contains("veko") })
    }

    @Test("style prompts hold no trigger, so base and adapter are asked the same")
    func style() {
        for prompt in plan(.style).prompts { #expect(prompt.text == prompt.baseText && prompt.text.contains("cat")) }
    }

    @Test("of a style concept neither trigger nor class says what a picture shows")
    func styleConcept() {
        let icons = Concept(folder: "3_gnome", trigger: "quro", className: "icon", kind: .style)
        let plan = PromptPlan(.train, concept: icons, captions: ["quro icon printer"], images: 1)
        #expect(plan.prompts[0].baseText == "icon printer" && plan.prompts[0].measuredText == "printer")
    }

    @Test("a concept's own prompts replace the built-in alterations")
    func ownPrompts() {
        var concept = cat
        concept.prompts = ["veko cat on the moon"]
        #expect(Set(plan(.alter, concept).prompts.map(\.text)) == ["veko cat on the moon"])
    }
}
