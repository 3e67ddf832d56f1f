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
}
