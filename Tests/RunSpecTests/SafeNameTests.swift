import RunSpec
import Testing

@Suite("Names that become paths")
struct SafeNameTests {
    @Test("letters, digits, dot, underscore and minus; nothing that climbs, hides or hurts")
    func names() {
        for good in ["a", "step-00000120", "a_b.safetensors", String(repeating: "x", count: 128)] {
            #expect(SafeName.isName(good) && SafeName.isPath(good), "\(good)")
        }
        for bad in [
            "", ".", "..", ".hidden", "a/b", "a\\b", "a b", "a\0", "é", "a\n", "%2e%2e", "~", "$HOME", "a:b",
            String(repeating: "x", count: 129),
        ] { #expect(!SafeName.isName(bad), "\(bad)") }
        #expect(SafeName.isPath("a/b/c.txt"))
        for bad in [
            "/a", "a/", "a//b", "../a", "a/../b", "a/.b", "a\\..\\b", "a/%2e%2e/b",
            Array(repeating: "x", count: 600).joined(separator: "/"),
        ] { #expect(!SafeName.isPath(bad), "\(bad)") }
    }
}
