import Glibc
import Ports
import TestSupport
import Testing

@Suite("Digests")
struct DigestTests {
    @Test("SHA-256 agrees with FIPS 180-4's example")
    func sha256Example() {
        #expect(
            ContentDigest.of("abc").text == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    static let codes: [(key: [UInt8], message: [UInt8], code: String)] = [
        (
            [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            [UInt8](1...25), [UInt8](repeating: 0xCD, count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131),
            Array(
                ("This is a test using a larger than block-size key and a larger than block-size data. The key "
                    + "needs to be hashed before being used by the HMAC algorithm.").utf8),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ]

    @Test("HMAC over SHA-256 agrees with RFC 4231's test cases 1 to 4, 6 and 7", arguments: codes)
    func messageCodes(key: [UInt8], message: [UInt8], code: String) {
        #expect(MessageCode.of(message, key: key).hexadecimal == code)
    }

    @Test("an empty key and an empty message have a code (by Python's hmac)")
    func emptyMessageCode() {
        #expect(
            MessageCode.of([], key: []).hexadecimal
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test("only 64 lower-case hex digits are a digest")
    func digestText() {
        let good = String(repeating: "0a", count: 32)
        #expect(ContentDigest(good)?.text == good)
        #expect(ContentDigest(good.uppercased()) == nil)
        #expect(ContentDigest("../" + good.dropFirst(3)) == nil)
        #expect(ContentDigest("") == nil)
    }

    @Test(
        "CRC-32C agrees with RFC 3720's examples",
        arguments: [
            ([UInt8](repeating: 0, count: 32), UInt32(0x8A91_36AA)),
            ([UInt8](repeating: 0xFF, count: 32), UInt32(0x62A8_AB43)),
            ([UInt8](UInt8(0)..<32), UInt32(0x46DD_794E)),
            (Array("123456789".utf8), UInt32(0xE306_9283)),
        ])
    func crcExamples(bytes: [UInt8], expected: UInt32) {
        #expect(CRC32C.of(bytes) == expected)
    }

    @Test("a CRC does not depend on how the bytes are cut")
    func crcInPieces() {
        let bytes = SeededRandom(seed: 1).bytes(1000)
        for cut in 0..<20 {
            var pieces = CRC32C()
            pieces.update(Array(bytes[..<cut]))
            pieces.update(Array(bytes[cut...]))
            #expect(pieces.value == CRC32C.of(bytes))
        }
    }

    @Test("a folder's digest is that of its sorted lines, as sha256sum would make it")
    func treeRule() throws {
        let folder = try TemporaryFolder()
        try DiskFiles().makeFolder(folder.path + "/b/deep")
        _ = try folder.write("b/deep/two.txt", "two")
        _ = try folder.write("a.txt", "one")
        _ = try folder.write(".hidden", "not counted")
        symlink("a.txt", folder.path + "/link.txt")
        symlink("..", folder.path + "/b/loop")
        let one = ContentDigest.of("one")
        let two = ContentDigest.of("two")
        let lines = "a.txt\03\0\(one)\nb/deep/two.txt\03\0\(two)\nlink.txt\03\0\(one)\n"
        let tree = try TreeDigest.compute(folder.path)
        #expect(tree.digest == .of(lines))
        #expect(tree.files.map(\.path) == ["a.txt", "b/deep/two.txt", "link.txt"])
        #expect(TreeDigest(folder: tree.files.reversed()) == tree)
    }

    @Test("a folder without files, and one that is not there, are refused by name")
    func treeRefusals() throws {
        let folder = try TemporaryFolder()
        #expect(throws: PortsError(.malformed, "\(folder.path): the folder holds no files")) {
            try TreeDigest.compute(folder.path)
        }
        #expect(throws: PortsError(.notFound, "\(folder.path)/x: no such file or folder")) {
            try TreeDigest.compute(folder.path + "/x")
        }
    }

    @Test("the digest cache answers for an unchanged file, survives a restart, and notices a change")
    func cache() throws {
        let folder = try TemporaryFolder()
        try DiskFiles().makeFolder(folder.path + "/data")
        let file = try folder.write("data/a", "one")
        let later = ManualTime(wall: WallTime(milliseconds: SystemTime().wall().milliseconds + 10_000))
        let cache = DigestCache(path: folder.path + "/cache", time: later)
        let first = try TreeDigest.compute(folder.path + "/data", cache: cache)
        try cache.save()

        // Same inode, size and time, other content: only a cache can still answer with the old digest.
        var before = stat()
        stat(file, &before)
        try OpenFile(writing: file).write(Array("two".utf8), at: 0)
        var times = [before.st_atim, before.st_mtim]
        utimensat(AT_FDCWD, file, &times, 0)
        let reopened = DigestCache(path: folder.path + "/cache", time: later)
        #expect(try TreeDigest.compute(folder.path + "/data", cache: reopened) == first)

        _ = try folder.write("data/a", "three")
        #expect(try TreeDigest.compute(folder.path + "/data", cache: reopened).digest != first.digest)
    }
}
