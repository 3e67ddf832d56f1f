import CoreTools
import RadiataCLI
import Testing

@Suite("Options")
struct OptionTests {
    @Test(
        "an adapter's strength is printed as it was written",
        arguments: [
            ("a.safetensors:0.8", "a.safetensors", "0.8"), ("a.safetensors", "a.safetensors", "1.0"),
            ("b:-0.3", "b", "-0.3"), ("C:\\x.safetensors", "C:\\x.safetensors", "1.0"), ("a:1e-3", "a", "0.001"),
        ])
    func strength(text: String, path: String, strength: String) throws {
        let reference = try #require(AdapterReference(argument: text))
        #expect(reference.path == path && "\(reference.strength)" == strength)
    }

    @Test("a strength that is no number belongs to the name; one that is not finite too")
    func names() {
        #expect(AdapterReference(argument: "a:b")?.path == "a:b")
        #expect(AdapterReference(argument: "a:nan")?.path == "a:nan")
        #expect(AdapterReference(argument: ":1") == nil)
    }

    @Test(
        "an adapter of a sample has a strength for a part of the steps",
        arguments: [
            ("a.safetensors", "a.safetensors", "1.0"), ("a:0.8", "a", "0.8"), ("a:0.8@0-0.5", "a", "0.8@0.0-0.5"),
            ("a:-1@0.25-1", "a", "-1.0@0.25-1.0"), ("a:0.2..1", "a", "0.2..1.0"),
            ("C:\\x:0..1@0.1-0.9", "C:\\x", "0.0..1.0@0.1-0.9"), ("a@b:c", "a@b:c", "1.0"), ("a:nan", "a:nan", "1.0"),
            ("a@0-0.5", "a", "1.0@0.0-0.5"), ("a@1-2", "a@1-2", "1.0"), ("a@b", "a@b", "1.0"),
        ])
    func schedule(text: String, path: String, schedule: String) throws {
        let adapter = try #require(ScheduledReference(argument: text)).adapter
        #expect(adapter.path == path && adapter.schedule == schedule)
    }

    @Test(
        "a part that is none is refused",
        arguments: [":1", "", "a:1@", "a:1@0.5", "a:1@0.5-0.5", "a:1@0-2", "a:1@-1-1"])
    func noPart(text: String) {
        #expect(ScheduledReference(argument: text) == nil)
    }
}
