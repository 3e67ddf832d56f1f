import Foundation
import Ports
import SweepLedger
import Testing

/// The committed corpus is replayed as it is, then changed at random from a fixed seed.
/// `RADIATA_FUZZ_SECONDS=600` changes it for as long (for each target, or ten million runs);
/// `RADIATA_FUZZ_SEED` says from where, `RADIATA_FUZZ_TARGETS=a,b` which. A crash names nothing by itself:
/// the input in work lies in `$RADIATA_FUZZ_KEEP/<target>` where that is set.
@Suite("Decoders of strangers' bytes", .serialized)
struct DecoderTests {
    private static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Corpus"
    private static let environment = ProcessInfo.processInfo.environment

    /// Files of the corpus for a target: `<target>-<what>`.
    private static func seeds(_ target: DecoderTarget) throws -> [(name: String, bytes: [UInt8])] {
        try FileManager.default.contentsOfDirectory(atPath: corpus).sorted()
            .filter { $0.hasPrefix(target.rawValue + "-") }
            .map { ($0, Array(try Data(contentsOf: URL(fileURLWithPath: "\(corpus)/\($0)")))) }
    }

    @Test("the corpus and its random changes: no crash, no input over a second", arguments: DecoderTarget.allCases)
    func replay(target: DecoderTarget) throws {
        if let wanted = Self.environment["RADIATA_FUZZ_TARGETS"], !wanted.split(separator: ",").contains("\(target)") {
            return
        }
        let seeds = try Self.seeds(target)
        try #require(!seeds.isEmpty, "no corpus for \(target)")
        let folder = NSTemporaryDirectory() + "decoders-\(SystemRandom().hexadecimal(bytes: 8))"
        let ledger = try Ledger(folder: folder) { Issue.record("the ledger died: \($0)") }
        defer {
            ledger.close()
            do { try DiskFiles().remove(folder) } catch { Issue.record("\(folder) stays: \(error)") }
        }
        for seed in seeds { try Self.timed(target, seed.bytes, ledger.path, seed.name) }
        let clock = SuspendingClock()
        let seconds = Double(Self.environment["RADIATA_FUZZ_SECONDS"] ?? "") ?? 1.0
        let start = clock.now
        let end = start.advanced(by: .seconds(seconds))
        var mutator = Mutator(seed: UInt64(Self.environment["RADIATA_FUZZ_SEED"] ?? "") ?? 1)
        var runs = 0
        while clock.now < end, runs < 10_000_000 {
            var bytes = seeds[mutator.below(seeds.count)].bytes
            if mutator.below(4) == 0 { bytes = mutator.spliced(bytes, seeds[mutator.below(seeds.count)].bytes) }
            for _ in 0...mutator.below(6) { mutator.change(&bytes) }
            try Self.timed(target, bytes, ledger.path, "run \(runs)")
            runs += 1
        }
        if seconds >= 10 { print("fuzz \(target): \(runs) runs in \((clock.now - start) / .seconds(1)) s") }
    }

    private static func timed(
        _ target: DecoderTarget, _ bytes: [UInt8], _ ledger: String, _ name: String, most: Double = 1
    ) throws {
        if let keep = environment["RADIATA_FUZZ_KEEP"] {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(keep)/\(target)"))
        }
        // The thread's own time: a loaded machine must not fail an innocent input.
        let before = (threadSeconds(), peakMegabytes())
        target.run(bytes, ledger: ledger)
        let seconds = threadSeconds() - before.0
        let megabytes = peakMegabytes() - before.1
        guard seconds >= most || megabytes >= 256 else { return }
        let start = String(decoding: bytes.prefix(200), as: UTF8.self)
        #expect(seconds < most, "\(target) \(name): \(seconds) s for \(bytes.count) bytes: \(start)")
        #expect(megabytes < 256, "\(target) \(name): \(megabytes) MB for \(bytes.count) bytes: \(start)")
    }

    private static func threadSeconds() -> Double {
        var reading = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &reading)
        return Double(reading.tv_sec) + Double(reading.tv_nsec) / 1e9
    }

    /// The most memory this process has had so far.
    private static func peakMegabytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss >> 10
    }

    @Test("deep, wide and long inputs are refused before they cost")
    func extremes() throws {
        let folder = NSTemporaryDirectory() + "decoders-\(SystemRandom().hexadecimal(bytes: 8))"
        let ledger = try Ledger(folder: folder) { Issue.record("the ledger died: \($0)") }
        defer {
            ledger.close()
            do { try DiskFiles().remove(folder) } catch { Issue.record("\(folder) stays: \(error)") }
        }
        func times(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
        let hydra =
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "bcdefgh".enumerated().map { index, name in
                "\(name): &\(name) [\(times("*\(Array("abcdefg")[index]),", 9))x]\n"
            }.joined() + "i: *h\n"
        let texts = [
            times("[", 500_000), times("{a: ", 200_000), times("- ", 300_000), times("? ", 300_000),
            times("a:\n ", 5000),
            times("!!str ", 100_000), times("a,", 400_000), times("\"", 500_000), times("\\u0000", 100_000), hydra,
            times("&a ", 100_000), times("*a ", 100_000), times("# ", 500_000), times("a: b\n", 100_000),
            times("1+", 400_000) + "1", times("-", 400_000) + "1", times("(", 400_000), times("{x}", 300_000),
            times("{\"a\":", 100_000), "{\"grants\":" + times("[", 100_000), times("9", 500_000),
            "1e" + times("9", 100_000),
            times("%2", 200_000), times("a=", 200_000), times("\u{0}", 500_000), times("SELECT ", 100_000),
            "name: t\nbase: b\ndata: d\nseeds: [1]\ngroups:\n  - grid: { lr: [1], dim: [1] }\n    derive: { "
                + "alpha: \(times("dim+", 200_000))1 }\n",
            "name: t\ntrainer: { command: [a] }\nseeds: [\(times("1,", 90_000))1]\ngroups: [ { grid: { a: [\(times("1,", 9000))1] } } ]\n",
            "name: t\ntrainer: { command: [a] }\nseeds: [1]\ngroups: [ { grid: { "
                + (0..<40).map { "p\($0): [1, 2, 3, 4, 5, 6, 7, 8, 9]" }.joined(separator: ", ") + " } } ]\n",
            "name: t\ntrainer: { command: [a] }\nseeds: [1]\ngroups: [ { sample: { method: random, count: "
                + "9223372036854775807 }, space: { lr: { int: [-9007199254740992, 9007199254740992] } } } ]\n",
            "name: t\ntrainer: { command: [a] }\nrequires: { memory: 99999999999999999999GB, gpus: 1e300 "
                + "}\ntimeout: 1e300h\nseeds: [1]\ngroups: [ { list: [ { a: 1 } ] } ]\n",
        ]
        for target in DecoderTarget.allCases {
            for (index, text) in texts.enumerated() {
                try Self.timed(target, Array(text.utf8), ledger.path, "extreme \(index)", most: 3)
            }
        }
    }
}

/// Small changes of bytes, always the same from the same seed (SplitMix64).
struct Mutator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func below(_ count: Int) -> Int { count <= 1 ? 0 : Int(next() % UInt64(count)) }

    private static let tokens: [[UInt8]] =
        [
            "0", "-1", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1e308", "NaN", "null",
            "true",
            "[]", "{}", "\"\"", "\u{0}", "\n", "\n  ", ": ", "- ", ",", "&a ", "*a", "{", "}", "[", "]", "(", ")",
            "%00", "../",
            "\u{FEFF}", "\u{202E}", "e999", "<<: ", "!!int ", "|", ">", "'", "\\", "--", ";", "/*", "\u{1F600}",
        ].map { Array($0.utf8) } + [
            [0xFF], [0x80], [0xC0, 0x80], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0x7F, 0xFF, 0xFF, 0xFF],
        ]

    mutating func change(_ bytes: inout [UInt8]) {
        let place = below(bytes.count + 1)
        switch below(8) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(below(8))
        case 1 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: next())
        case 2 where place < bytes.count: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(16)))
        case 3 where place < bytes.count:
            let piece = bytes[place..<min(bytes.count, place + 1 + below(32))]
            bytes.insert(contentsOf: Array(piece), at: below(bytes.count + 1))
        case 4: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
        case 5 where place < bytes.count: bytes.removeSubrange(place...)
        default: bytes.insert(contentsOf: Self.tokens[below(Self.tokens.count)], at: place)
        }
        if bytes.count > 1 << 16 { bytes.removeSubrange((1 << 16)...) }
    }

    mutating func spliced(_ one: [UInt8], _ other: [UInt8]) -> [UInt8] {
        Array(one[..<below(one.count + 1)]) + Array(other[below(other.count + 1)...])
    }
}
