import SweepModel
import Testing

@Suite("Patterns of printed lines")
struct LinePatternTests {
    @Test(
        "named groups count by their place among all groups, whatever is escaped, in a set or no group",
        arguments: [
            (#"(?<step>\d+)/(\d+) (?P<a_loss>\S+)"#, "3/9 0.5", ["step", "a_loss"], ["3", "0.5"]),
            (#"\((x)[(?<no>]+(?:y)(?<train/loss>.)(?<=z)"#, "(x((yz", ["train/loss"], ["z"]),
            (#"(?i)STEP (?<step>\d+)( loss (?<loss>\d+))?"#, "step 4", ["step", "loss"], ["4"]),
        ])
    func groups(pattern: String, line: String, names: [String], texts: [String]) throws {
        let found = try LinePattern(pattern)
        #expect(found.names == names)
        #expect(found.match(line)?.map(\.text) == texts)
        #expect(found.match("nothing of it") == nil)
    }

    @Test("what is no expression is refused by name", arguments: ["(", "[a", "(?<a>x", "*"])
    func refused(pattern: String) {
        let error = #expect(throws: SweepModelError.self) { try LinePattern(pattern) }
        #expect(error?.message.contains(pattern) == true)
    }
}
