import Ports
import SweepWire
import Testing
import Worker

@Suite("Reading what a trainer writes")
struct TailTests {
    private func append(_ text: String, to path: String) throws {
        let file = try OpenFile(writing: path)
        try file.write(Array(text.utf8), at: try file.size())
    }

    @Test("only whole lines are taken; the rest waits for its newline, or for the trainer's end")
    func wholeLines() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/metrics.jsonl"
        var tail = LineTail(path: path)
        #expect(try tail.read(isComplete: false, files: DiskFiles()).isEmpty)
        try append("one\ntw", to: path)
        #expect(try tail.read(isComplete: false, files: DiskFiles()) == ["one"])
        #expect(try tail.read(isComplete: false, files: DiskFiles()).isEmpty)
        try append("o\nthree", to: path)
        #expect(try tail.read(isComplete: false, files: DiskFiles()) == ["two"])
        #expect(try tail.read(isComplete: true, files: DiskFiles()) == ["three"])
        #expect(try tail.read(isComplete: true, files: DiskFiles()).isEmpty)
    }

    @Test("log pieces keep their length in bytes, whatever they hold")
    func logLength() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/log"
        let bytes = Array("grüße\n".utf8) + [0xFF, 0xC3, 10] + Array(repeating: UInt8(ascii: "x"), count: 40_000)
        try DiskFiles().writeAtomically(bytes, to: path)
        var tail = LogTail(path: path)
        var offset = 0
        while let piece = try tail.read(files: DiskFiles()) {
            #expect(Int(piece.offset) == offset)
            offset += piece.text.utf8.count
        }
        #expect(offset == bytes.count)
    }
}
