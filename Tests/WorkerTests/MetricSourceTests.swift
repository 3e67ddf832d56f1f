import Foundation
import Glibc
import Ports
import RunSpec
import SweepModel
import TestSupport
import Testing
import Worker

@Suite("Metric sources of a trainer")
struct MetricSourceTests {
    private static let fixtures = SourceTree.path("Tests/TrainerFilesTests/Fixtures")
    private static let event = "events.out.tfevents.1700000000.host.0"

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func rule(_ kind: CommandTrainer.MetricSource.Kind, _ path: String, step: String? = nil)
        -> AttemptPlan.MetricFile
    {
        var rule = AttemptPlan.MetricFile(path: path, step: step)
        rule.kind = kind
        return rule
    }

    private func all(_ points: PointSpool) throws -> [MetricPoint] { try points.points(from: 1, limit: .max) }

    @Test("steps count on from the base, epochs stand beside them, names are mapped, pictures become files")
    func events() throws {
        var rule = rule(.tfevents, Self.fixtures + "/torch")
        rule.base = 100
        rule.map = ["loss/average": "loss", "odd": "", "loss/epoch_average": "epochs"]
        let points = try PointSpool(folder: folder.path + "/spool")
        var intake = MetricIntake([rule], points, images: folder.path + "/images")
        var notices = NoticeBook()
        _ = try intake.read(isComplete: true, points, DiskFiles(), &notices)
        let found = try all(points)
        func steps(_ key: String) -> [Int64] { found.filter { $0.key == key }.map(\.step) }
        #expect(steps("loss") == Array(101...120))
        #expect(steps("loss/current") == Array(101...120) + Array(116...124))
        #expect(steps("epochs") == [105, 110, 115, 120] && steps("epochs/epoch") == [1, 2, 3, 4])
        #expect(found.filter { $0.key == "epochs" }.map(\.value) == [0.5, 1, 1.5, 2])
        #expect(steps("quality/val") == [104] && steps("odd").isEmpty && steps("loss/average").isEmpty)
        #expect(intake.newestStep == 124 && !notices.hasUntold)
        #expect(try intake.takeImages(DiskFiles()) == ["sample_cat_00000110.png"])
        #expect(try intake.takeImages(DiskFiles()).isEmpty)
        var again = MetricIntake([rule], points, images: folder.path + "/images")
        #expect(try again.takeImages(DiskFiles()) == ["sample_cat_00000110.png"], "of an earlier run")
        #expect(try again.read(isComplete: true, points, DiskFiles(), &notices) == nil)
    }

    @Test("a worker that is begun anew at any moment takes every point once, with the right step of an epoch")
    func restarts() throws {
        let bytes = try DiskFiles().read("\(Self.fixtures)/torch/\(Self.event)", limit: 1 << 20)
        let once = try PointSpool(folder: folder.path + "/once")
        var notices = NoticeBook()
        var whole = MetricIntake([rule(.tfevents, "\(Self.fixtures)/torch/\(Self.event)")], once)
        _ = try whole.read(isComplete: true, once, DiskFiles(), &notices)
        let logs = folder.path + "/logs/20260101/network_train"
        try DiskFiles().makeFolder(logs)
        let file = try OpenFile(writing: "\(logs)/\(Self.event)")
        var size = 0
        while size < bytes.count {
            let next = min(size + 61, bytes.count)
            try file.write(Array(bytes[size..<next]), at: Int64(size))
            size = next
            // Everything from the disk, as after a restart.
            let points = try PointSpool(folder: folder.path + "/spool", segmentBytes: 2000)
            var intake = MetricIntake([rule(.tfevents, folder.path + "/logs")], points)
            _ = try intake.read(isComplete: false, points, DiskFiles(), &notices)
        }
        let points = try PointSpool(folder: folder.path + "/spool", segmentBytes: 2000)
        #expect(try all(points) == all(once))
        #expect(!notices.hasUntold)
    }

    @Test("named sources keep their numbers and positions, also when the segments that knew them are gone")
    func trimmedSpool() throws {
        let path = folder.path + "/spool"
        func batch(_ key: String) -> [MetricPoint] { (0..<40).map { MetricPoint(key: key, step: $0, value: 1) } }
        let spool = try PointSpool(folder: path, segmentBytes: 4096)
        let (a, b) = (spool.number(ofSource: "/logs/ä"), spool.number(ofSource: "/logs/b"))
        #expect(a != b && spool.number(ofSource: "/logs/ä") == a)
        _ = try spool.append(batch("a"), source: a, position: 11)
        _ = try spool.append(batch("x"), source: 0, position: 22)
        for round in 0..<20 { _ = try spool.append(batch("b"), source: b, position: UInt64(100 + round)) }
        try spool.trim(below: spool.total)
        #expect(try DiskFiles().list(path).count == 1)
        let later = try PointSpool(folder: path, segmentBytes: 4096)
        #expect(later.number(ofSource: "/logs/b") == b && later.number(ofSource: "/logs/ä") == a)
        #expect(later.position(ofSource: a) == 11 && later.position(ofSource: 0) == 22)
        #expect(later.position(ofSource: b) == 119 && later.total == spool.total)
        #expect(later.number(ofSource: "/logs/c") > max(a, b))
        #expect(
            try later.append(batch("c"), source: later.number(ofSource: "/logs/c"), position: 5) == spool.total + 40)
    }

    @Test("what a trainer prints: every state of a bar, colours and the worker's own lines taken out")
    func printed() throws {
        let log = folder.path + "/log"
        let bar =
            "steps:   0%|          | 0/3\rsteps:  33%|\u{1B}[32m███\u{1B}[0m| 1/3 [00:01<00:02, avr_loss=0.5]\r"
            + "steps:  67%|██| 2/3 [00:02<00:01, avr_loss=nan]\n[radiata] 9/9 avr_loss=1\nvalidation\n"
            + "steps: 100%|███| 3/3 [00:03<00:00, avr_loss=0.125]"
        var rule = rule(.stdout, log, step: "step")
        rule.pattern = try LinePattern("(?P<step>[0-9]+)/[0-9]+ .*avr_loss=(?<train/avr_loss>[-0-9a-z.]+)")
        let bytes = Array(bar.utf8)
        for size in stride(from: 0, through: bytes.count, by: 7) {
            try DiskFiles().writeAtomically(Array(bytes[..<size]), to: log)
            let points = try PointSpool(folder: folder.path + "/spool")
            var intake = MetricIntake([rule], points)
            var notices = NoticeBook()
            _ = try intake.read(isComplete: false, points, DiskFiles(), &notices)
            #expect(!notices.hasUntold)
        }
        try DiskFiles().writeAtomically(bytes, to: log)
        let points = try PointSpool(folder: folder.path + "/spool")
        var intake = MetricIntake([rule], points)
        var notices = NoticeBook()
        _ = try intake.read(isComplete: true, points, DiskFiles(), &notices)
        let key = "train/avr_loss"
        #expect(
            try all(points) == [
                MetricPoint(key: key, step: 1, value: 0.5), MetricPoint(key: key, step: 2, value: .nan),
                MetricPoint(key: key, step: 3, value: 0.125),
            ])
    }

    @Test("each file that is none of its kind is named in the log; the others are read")
    func foreignFiles() throws {
        for name in ["a", "b"] { try folder.write("events.out.tfevents.\(name)", "no event file at all") }
        try DiskFiles().writeAtomically(
            try DiskFiles().read("\(Self.fixtures)/torch/\(Self.event)", limit: 1 << 20),
            to: "\(folder.path)/\(Self.event)")
        let points = try PointSpool(folder: folder.path + "/spool")
        var intake = MetricIntake([rule(.tfevents, folder.path)], points)
        var notices = NoticeBook()
        #expect(try intake.read(isComplete: false, points, DiskFiles(), &notices) ?? 0 > 50)
        let lines = notices.takeLines()
        #expect(lines.count == 2 && lines[0].contains("tfevents.a") && lines[1].contains("tfevents.b"))
        #expect(notices.takeCounts().map { [$0.kind, String($0.count)] } == [["metric-file", "2"]])
    }

    @Test("a hundred thousand points of an event file are all spooled")
    func many() throws {
        let path = folder.path + "/" + Self.event
        try DiskFiles().writeAtomically(Self.eventFile(points: 100_000), to: path)
        let points = try PointSpool(folder: folder.path + "/spool")
        var intake = MetricIntake([rule(.tfevents, folder.path)], points)
        var notices = NoticeBook()
        let began = ContinuousClock.now
        #expect(try intake.read(isComplete: true, points, DiskFiles(), &notices) == 100_000)
        let took = ContinuousClock.now - began
        if ProcessInfo.processInfo.environment["RADIATA_TEST_LOG"] != nil { print("100,000 points in \(took)") }
        #expect(try points.points(from: 100_000, limit: 1).last == MetricPoint(key: "loss", step: 99_999, value: 0.5))
    }

    @Test("watching files that do not grow costs less than a hundredth of a core")
    func idle() throws {
        let source = try DiskFiles().read("\(Self.fixtures)/torch/\(Self.event)", limit: 1 << 20)
        for run in 0..<8 {
            try DiskFiles().makeFolder("\(folder.path)/logs/\(run)/deep")
            try DiskFiles().writeAtomically(source, to: "\(folder.path)/logs/\(run)/deep/\(Self.event)")
        }
        let database = folder.path + "/loss_log.db"
        for suffix in ["", "-wal"] {
            let bytes = try DiskFiles().read("\(Self.fixtures)/loss_log.db\(suffix)", limit: 1 << 20)
            try DiskFiles().writeAtomically(bytes, to: database + suffix)
        }
        let points = try PointSpool(folder: folder.path + "/spool")
        var intake = MetricIntake(
            [
                rule(.tfevents, folder.path + "/logs"), rule(.sqlite, database, step: "step"),
                rule(.jsonl, "/none", step: "s"),
            ],
            points)
        var notices = NoticeBook()
        // Rounds of five a second, for a minute.
        let pace = Duration.milliseconds(200)
        var now = MonotonicTime.zero
        _ = try intake.read(isComplete: false, now: now, points, DiskFiles(), &notices)
        _ = try intake.read(isComplete: false, now: now, points, DiskFiles(), &notices)
        let began = Self.threadSeconds()
        for _ in 0..<300 {
            now = now + pace
            #expect(try intake.read(isComplete: false, now: now, points, DiskFiles(), &notices) == nil)
        }
        let share = (Self.threadSeconds() - began) / 60
        if ProcessInfo.processInfo.environment["RADIATA_TEST_LOG"] != nil { print("watching: \(share) of a core") }
        #expect(share < 0.01)
    }

    @Test("tailing a file that gets ten points a second, too")
    func growing() throws {
        let file = Self.eventFile(points: 600)
        let path = folder.path + "/logs/" + Self.event
        try DiskFiles().makeFolder(folder.path + "/logs")
        try DiskFiles().writeAtomically([], to: path)
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        defer { try? handle.close() }
        let points = try PointSpool(folder: folder.path + "/spool")
        var intake = MetricIntake([rule(.tfevents, folder.path + "/logs")], points)
        var notices = NoticeBook()
        var (now, spent, taken, at) = (MonotonicTime.zero, 0.0, 0, 0)
        // Rounds of five a second, for a minute; what is there may end inside a record.
        for round in 1...300 {
            let end = file.count * round / 300
            try handle.write(contentsOf: Data(file[at..<end]))
            at = end
            now = now + .milliseconds(200)
            let began = Self.threadSeconds()
            let newest = try intake.read(isComplete: round == 300, now: now, points, DiskFiles(), &notices)
            spent += Self.threadSeconds() - began
            taken = newest.map { Int($0) } ?? taken
        }
        if ProcessInfo.processInfo.environment["RADIATA_TEST_LOG"] != nil { print("tailing: \(spent / 60) of a core") }
        #expect(taken == 600)
        #expect(spent / 60 < 0.01)
    }

    private static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Records of the format, as its definition says: `wall_time`, `step`, and a summary of one
    /// `simple_value`.
    private static func eventFile(points: Int) -> [UInt8] {
        func masked(_ bytes: [UInt8]) -> [UInt8] {
            let crc = CRC32C.of(bytes)
            return little((crc >> 15 | crc << 17) &+ 0xA282_EAD8)
        }
        func little(_ word: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: word.littleEndian) { Array($0) } }
        var file: [UInt8] = []
        for step in 0..<points {
            var varint: [UInt8] = []
            var rest = step
            repeat {
                varint.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
                rest >>= 7
            } while rest > 0
            let value: [UInt8] = [0x0A, 4] + Array("loss".utf8) + [0x15] + little(Float(0.5).bitPattern)
            let summary: [UInt8] = [0x0A, UInt8(value.count)] + value
            let event = [0x09] + little(1.0.bitPattern) + [0x10] + varint + [0x2A, UInt8(summary.count)] + summary
            let head = little(UInt64(event.count))
            file += head + masked(head) + event + masked(event)
        }
        return file
    }
}
