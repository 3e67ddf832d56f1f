import RunSpec
import Testing

@Suite("Names of files as text")
struct FileNameTests {
    @Test(
        "UTF-8 stays as it is, other bytes and control characters are escaped, and back",
        arguments: [
            ("ck 1 [end] (ü).bin", Array("ck 1 [end] (ü).bin".utf8)), ("caf\u{E9}", [0x63, 0x61, 0x66, 0xC3, 0xA9]),
            ("cafe\u{301}", Array("cafe".utf8) + [0xCC, 0x81]),
            ("caf%E9.bin", Array("caf".utf8) + [0xE9] + Array(".bin".utf8)),
            ("a%0Ab", [0x61, 0x0A, 0x62]), ("100%", Array("100%".utf8)), ("%2541", Array("%41".utf8)),
            ("%C3", [0xC3]), ("%ED%A0%80", [0xED, 0xA0, 0x80]), ("%.x", Array("%.x".utf8)),
        ] as [(String, [UInt8])])
    func both(text: String, bytes: [UInt8]) {
        #expect(Array(FileName.text(bytes).utf8) == Array(text.utf8))
        #expect(FileName.bytes(text) == bytes)
    }

    @Test("every name has one text, and back", arguments: 0..<64)
    func roundTrip(seed: UInt64) {
        var word = seed &* 0x9E37_79B9_7F4A_7C15
        var bytes: [UInt8] = []
        for _ in 0..<24 {
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            // Mostly what an escape is made of.
            let pick = UInt8(truncatingIfNeeded: word >> 56)
            bytes.append(
                pick % 3 == 0 ? UInt8(ascii: "%") : pick % 3 == 1 ? Array("09aF".utf8)[Int(pick) / 3 % 4] : pick)
        }
        #expect(FileName.bytes(FileName.text(bytes)) == bytes)
        #expect(FileName.bytes(FileName.key(bytes)) == bytes)
        #expect(FileName.key(bytes).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    }

    @Test(
        "paths stay where they are put",
        arguments: [
            ("a/b c/ü.bin", true), (".hidden", true), ("a%FF", true), ("", false), ("/a", false), ("a/", false),
            ("a//b", false), ("..", false), ("a/../b", false), (".", false), ("%2E%2E/a", false), ("a%2Fb", false),
            ("a%00b", false), ("a\nb", false), ("a\u{0}b", false), (String(repeating: "x", count: 256), false),
        ] as [(String, Bool)])
    func paths(text: String, isPath: Bool) { #expect(FileName.isPath(text) == isPath) }
}
