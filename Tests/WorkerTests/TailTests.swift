import Glibc
import Ports
import RunSpec
import SweepModel
import SweepWire
import TestSupport
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

    @Test("a pipe is never opened, and told; a line of more than a mebibyte is passed over, and counted")
    func oddFiles() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/metrics.jsonl"
        #expect(mkfifo(path, 0o600) == 0)
        var tail = LineTail(path: path)
        #expect(try tail.read(isComplete: true, files: DiskFiles()).isEmpty)
        #expect(tail.isUnreadable)
        try DiskFiles().remove(path)
        try append("\u{FEFF}one\n" + String(repeating: "x", count: 3 << 20) + "\ntwo\n", to: path)
        var lines: [String] = []
        for _ in 0..<8 { lines += try tail.read(isComplete: true, files: DiskFiles()) }
        #expect(lines == ["one", "two"])
        #expect(tail.longLines == 1 && !tail.isUnreadable)
    }

    @Test("what cannot be taken of metrics costs itself and is counted, with an example and a remedy")
    func intake() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/metrics.jsonl"
        let points = try PointSpool(folder: folder.path + "/spool")
        var intake = MetricIntake([AttemptPlan.MetricFile(path: path, step: "step")], points)
        var notices = NoticeBook()
        try append(
            """
            {"step": 1, "loss": 0.5, "": 1, "mode": "train"}
            {"global_step": 10, "loss": 0.4}
            [1, 2]
            {"step": "2", "loss": "0.25"}

            {"epoch": 3}

            """, to: path)
        #expect(try intake.read(isComplete: true, points, DiskFiles(), &notices) == 2)
        #expect(
            try points.points(from: 1, limit: 9) == [
                MetricPoint(key: "loss", step: 1, value: 0.5), MetricPoint(key: "loss", step: 2, value: 0.25),
            ])
        #expect(intake.newestStep == 2)
        let counts = notices.takeCounts()
        #expect(counts.map(\.kind) == ["metric-line", "metric-name", "metric-step", "metric-value"])
        #expect(counts.map(\.count) == [1, 1, 2, 1])
        #expect(counts[2].detail.contains("global_step") && counts[2].detail.contains("step: global_step"))
        #expect(notices.takeCounts().isEmpty)
        #expect(notices.takeLines().count == 4)
        try append("{\"epoch\": 4}\n", to: path)
        _ = try intake.read(isComplete: true, points, DiskFiles(), &notices)
        #expect(notices.takeLines().isEmpty, "told once")
        #expect(notices.takeCounts().map(\.count) == [3], "counted on")
    }

    @Test("more than 4096 names cost their points")
    func manyNames() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/metrics.jsonl"
        let points = try PointSpool(folder: folder.path + "/spool")
        var intake = MetricIntake([AttemptPlan.MetricFile(path: path, step: "step")], points)
        var notices = NoticeBook()
        let pairs = (0..<5000).map { "\"k\($0)\": 1" }.joined(separator: ", ")
        try append("{\"step\": 1, \(pairs)}\n{\"step\": 2, \(pairs)}\n", to: path)
        #expect(try intake.read(isComplete: true, points, DiskFiles(), &notices) == 2 * 4096)
        #expect(notices.takeCounts().map(\.count) == [2 * 904])
    }
}
