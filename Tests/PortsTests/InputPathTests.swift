import Foundation
import Ports
import RunSpec
import TestSupport
import Testing

@Suite("Names of input files")
struct InputPathTests {
    private static let names: [[UInt8]] = [
        Array("plain.png".utf8), Array("ünï cödé.png".utf8), Array("my%20cat.jpg".utf8), Array("100%.png".utf8),
        Array("caf".utf8) + [0xE9] + Array(".png".utf8), Array("caf%E9.png".utf8), Array("caf%25E9.png".utf8),
        Array("caf%2525E9.png".utf8), [0xE9, UInt8(ascii: "%"), UInt8(ascii: "4"), UInt8(ascii: "1")],
        Array("cafe\u{301}.png".utf8), Array("caf\u{E9}.png".utf8), Array("\u{10FFE9}.png".utf8),
    ]

    @Test("every name has one text, and back; names of UTF-8 stay as they are")
    func roundTrip() {
        var texts: Set<[UInt8]> = []
        for name in Self.names {
            #expect(InputPath.bytes(InputPath.text(name)) == name)
            #expect(LocalPath.bytes(LocalPath.text(name)) == name)
            texts.insert(Array(InputPath.text(name).utf8))
        }
        #expect(texts.count == Self.names.count)
        #expect(InputPath.text(Self.names[4]) == "caf%E9.png")
        #expect(InputPath.text(Self.names[2]) == "my%20cat.jpg")
    }

    /// One scalar after the other, as the rule has it: those from U+10FF80 on stand for a byte.
    private func oneByOne(_ text: String) -> [UInt8] {
        text.unicodeScalars.flatMap { scalar in
            scalar.value >= 0x10FF80 ? [UInt8(scalar.value & 0xFF)] : Array(String(scalar).utf8)
        }
    }

    @Test("a text stands for the same bytes however it is looked through, and they end with a NUL")
    func terminated() {
        let texts = [
            "", "/", "..", "a/../b", "/a", "a//b", "a\0b", "\u{1}\n\u{7F}", "caf\u{E9}", "\u{1F600}", "\u{100000}",
            "\u{10FF7F}", "\u{10FF7F}\u{10FFE9}", "\u{100000}\u{10FF80}/x", "\u{10FFFF}",
            String(repeating: "n", count: 5000), String(repeating: "n", count: 5000) + "\u{10FFE9}",
        ]
        for text in texts {
            #expect(LocalPath.bytes(text) == oneByOne(text))
            #expect(LocalPath.terminated(text).map { UInt8(bitPattern: $0) } == oneByOne(text) + [0])
            #expect(LocalPath.bytes(LocalPath.text(Array(text.utf8))) == Array(text.utf8))
        }
        // Overlong, a surrogate, beyond the last character, cut short: none is UTF-8, all come back.
        let broken: [[UInt8]] = [
            [0xC0, 0xAE], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF], [0xF4],
        ]
        for bytes in broken {
            let text = LocalPath.text(bytes)
            #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x10FF80 } && oneByOne(text) == bytes)
        }
    }

    @Test("a path stays below its root, also behind an escape")
    func safe() {
        #expect(InputPath.isSafe("a/b c.png") && InputPath.isSafe("caf%E9/x.png"))
        let tooLong = String(repeating: "n", count: 4097)
        for path in ["", "/a", "a//b", "a/", "..", "../a", "a/..", "a/./b", "%2E%2E/%E9", "a%2F%E9", "a\0b", tooLong] {
            #expect(!InputPath.isSafe(path), "\(path)")
        }
    }

    @Test("the digest sees names as bytes, and neither hidden files nor litter nor dead links")
    func tree() throws {
        try withTemporaryFolder { folder in
            let disk = DiskFiles()
            try disk.makeFolder("\(folder)/2_cat")
            let latin = LocalPath.text(Array("caf".utf8) + [0xE9] + Array(".png".utf8))
            for name in [latin, "cafe\u{301}.png", "caf\u{E9}.png", "a.png"] {
                try disk.writeAtomically([1], to: "\(folder)/2_cat/\(name)")
            }
            let plain = try TreeDigest.compute(folder)
            #expect(plain.files.count == 4)
            #expect(plain.files.contains { $0.path.utf8.elementsEqual("2_cat/caf%E9.png".utf8) })
            #expect(TreeDigest(folder: plain.files) == plain)
            for file in plain.files { #expect(try disk.exists("\(folder)/\(file.localPath)")) }
            for name in ["._a.png", ".hidden.png", "Thumbs.db", "desktop.ini"] {
                try disk.writeAtomically([2], to: "\(folder)/2_cat/\(name)")
            }
            try disk.makeFolder("\(folder)/2_cat/.ipynb_checkpoints")
            try disk.writeAtomically([3], to: "\(folder)/2_cat/.ipynb_checkpoints/a.png")
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/2_cat/dead.png", withDestinationPath: "/nowhere/at/all")
            #expect(try TreeDigest.compute(folder).digest == plain.digest)
            try disk.writeAtomically([], to: "\(folder)/2_cat/empty.txt")
            #expect(try TreeDigest.compute(folder).digest != plain.digest)
        }
    }

    private func withTemporaryFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "radiata-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let result = Result { try body(folder) }
        try FileManager.default.removeItem(atPath: folder)
        try result.get()
    }
}
