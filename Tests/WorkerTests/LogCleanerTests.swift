import Ports
import RunSpec
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker

@Suite("What of a log people see")
struct LogCleanerTests {
    private func cleaned(_ text: String, piece: Int = .max) -> String {
        var cleaner = LogCleaner()
        var lines: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            cleaner.add(Array(rest.prefix(min(piece, rest.count))), to: &lines)
            rest = rest.dropFirst(min(piece, rest.count))
        }
        cleaner.finish(&lines)
        return String(decoding: lines, as: UTF8.self)
    }

    @Test(
        "the last state of a line stays, colours go, control characters are shown",
        arguments: [
            ("plain\nlines\n", "plain\nlines\n"), ("a\r\nb\r\n", "a\nb\n"),
            ("\r  0%\r 50%\r100%\nnext", "100%\nnext"), ("100%\r", "100%"), ("50%\r\r\n", "50%\n"),
            ("before\0after\n", "before␀after\n"), ("\u{1B}[31mred\u{1B}[0m\n", "red\n"),
            ("\u{1B}]0;title\u{7}text\n", "text\n"), ("bell\u{7}\u{7F}\n", "bell␇␡\n"), ("tab\there\n", "tab\there\n"),
            ("lone \u{1B}\n", "lone ␛\n"), ("c1 \u{9B}31m\n", "c1 \u{FFFD}31m\n"), ("grüße 😀\n", "grüße 😀\n"),
        ])
    func lines(text: String, wanted: String) {
        #expect(cleaned(text) == wanted)
        // However it comes in.
        #expect(cleaned(text, piece: 1) == wanted)
    }

    @Test("an hour of a progress bar is one line")
    func progressBar() {
        let bar = (0..<36_000).map { "\r\($0 / 360)%|####      | \($0)/36000 [it/s]" }.joined()
        #expect(cleaned("begin\n" + bar + "\nend\n", piece: 4096) == "begin\n99%|####      | 35999/36000 [it/s]\nend\n")
    }

    @Test("bytes that are no UTF-8 are shown as such, and a line of any length is not kept for ever")
    func oddBytes() {
        var cleaner = LogCleaner()
        var lines: [UInt8] = []
        cleaner.add([0x61, 0xFF, 0x62, 0x0A], to: &lines)
        #expect(String(decoding: lines, as: UTF8.self) == "a\u{FFFD}b\n")
        lines = []
        cleaner.add(Array(String(repeating: "ü", count: 40_000).utf8), to: &lines)
        #expect(lines.count > 60_000)
        cleaner.finish(&lines)
        #expect(String(decoding: lines, as: UTF8.self) == String(repeating: "ü", count: 40_000))
    }

    @Test("the newest mebibyte comes, whatever was printed before, and offsets fit")
    func newest() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/log"
        let text = (0..<60_000).map { "\($0) " + String(repeating: "z", count: 100) + "\n" }.joined() + "FINAL WORDS\n"
        try DiskFiles().writeAtomically(Array(text.utf8), to: path)
        var tail = LogTail(path: path)
        var pieces: [LogReport] = []
        for _ in 0..<400 {
            try tail.scan(isComplete: true, files: DiskFiles())
            if let piece = tail.next(now: .zero) { pieces.append(piece) }
        }
        let last = try #require(pieces.last)
        #expect(last.text.hasSuffix("FINAL WORDS\n"))
        #expect(Int(last.offset) + last.text.utf8.count == text.utf8.count)
        let sent = pieces.reduce(0) { $0 + $1.text.utf8.count }
        #expect(sent >= 1 << 20 && sent <= (2 << 20) + 200)
        for (one, next) in zip(pieces, pieces.dropFirst()) where one.offset > 0 {
            #expect(one.offset + UInt64(one.text.utf8.count) == next.offset)
        }
    }

    @Test("the unfinished line is told as it stands, at most every two seconds")
    func unfinished() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/log"
        func append(_ text: String) throws {
            let file = try OpenFile(writing: path)
            try file.write(Array(text.utf8), at: try file.size())
        }
        var tail = LogTail(path: path)
        var now = MonotonicTime.zero
        func next(isComplete: Bool = false) throws -> LogReport? {
            try tail.scan(isComplete: isComplete, files: DiskFiles())
            return tail.next(now: now)
        }
        try append("begin\n\r 1%")
        #expect(try next() == LogReport(offset: 0, text: "begin\n", line: " 1%"))
        try append("\r 2%")
        #expect(try next() == nil)
        now = now + .seconds(2)
        #expect(try next() == LogReport(offset: 6, text: "", line: " 2%"))
        try append("\r100%\n")
        #expect(try next() == LogReport(offset: 6, text: "100%\n", line: ""))
        #expect(try next(isComplete: true) == nil)
    }
}
