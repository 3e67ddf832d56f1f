import Ports
import RunSpec
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker
import WorkerCore

@Suite("The spool")
struct SpoolTests {
    private func points(_ range: ClosedRange<Int>) -> [MetricPoint] {
        range.map { MetricPoint(key: "loss", step: Int64($0), value: Double($0) / 8) }
    }

    private func segments(_ folder: TemporaryFolder) throws -> [String] {
        try DiskFiles().list(folder.path).filter { $0.hasPrefix("points-") }
    }

    @Test("points come back as they were, every bit, in order, from any number on")
    func bits() throws {
        let folder = try TemporaryFolder()
        let spool = try PointSpool(folder: folder.path)
        let odd = [
            MetricPoint(key: "a", step: -1, value: .nan), MetricPoint(key: "ä/b", step: .max, value: -0.0),
            MetricPoint(key: "a", step: 0, value: -.infinity),
            MetricPoint(key: "", step: 7, value: .leastNonzeroMagnitude),
        ]
        #expect(try spool.append(odd) == 4)
        #expect(try spool.append(points(1...3)) == 7)
        #expect(try spool.points(from: 1, limit: 100) == odd + points(1...3))
        #expect(try spool.points(from: 3, limit: 1) == Array(odd[2...]))
        #expect(try spool.points(from: 8, limit: 100).isEmpty)
    }

    @Test("a reopened spool goes on with the next number and knows how far its sources were read")
    func reopened() throws {
        let folder = try TemporaryFolder()
        _ = try PointSpool(folder: folder.path).append(points(1...3), source: 2, position: 77)
        let spool = try PointSpool(folder: folder.path)
        #expect(spool.total == 3)
        #expect(spool.position(ofSource: 2) == 77)
        #expect(spool.position(ofSource: 0) == 0)
        #expect(try spool.append(points(4...5)) == 5)
        #expect(try spool.points(from: 1, limit: 100) == points(1...5))
    }

    @Test("a torn tail is cut wherever it tears; what was whole before it stays")
    func tornTail() throws {
        let folder = try TemporaryFolder()
        let whole = try PointSpool(folder: folder.path)
        _ = try whole.append(points(1...2))
        let name = "\(folder.path)/\(try segments(folder)[0])"
        let good = try OpenFile(reading: name).size()
        _ = try whole.append(points(3...4))
        let full = try DiskFiles().read(name, limit: 1 << 20)
        for size in Int(good)..<full.count {
            try DiskFiles().writeAtomically(Array(full[..<size]), to: name)
            let spool = try PointSpool(folder: folder.path)
            #expect(spool.total == 2)
            #expect(try spool.append([MetricPoint(key: "x", step: 9, value: 9)]) == 3)
            #expect(try spool.points(from: 1, limit: 9).count == 3)
        }
    }

    @Test("a damaged record in the middle costs its points, never a number and never the start")
    func damagedMiddle() throws {
        let folder = try TemporaryFolder()
        let first = try PointSpool(folder: folder.path)
        for start in [1, 3, 5] { _ = try first.append(points(start...start + 1)) }
        let name = "\(folder.path)/\(try segments(folder)[0])"
        var bytes = try DiskFiles().read(name, limit: 1 << 20)
        bytes[bytes.count / 2] ^= 0x40
        try DiskFiles().writeAtomically(bytes, to: name)
        let spool = try PointSpool(folder: folder.path)
        #expect(spool.total == 6)
        let found = try spool.points(from: 1, limit: 100)
        #expect(found.map(\.key) == ["loss", "loss", "spool.lost", "spool.lost", "loss", "loss"])
        #expect(found.map(\.step) == [1, 2, 3, 4, 5, 6])
    }

    @Test("segments behind the acknowledgement go, the others stay")
    func trim() throws {
        let folder = try TemporaryFolder()
        let spool = try PointSpool(folder: folder.path)
        let many = (0..<60_000).map { MetricPoint(key: "a long name of a metric", step: Int64($0), value: 1) }
        for _ in 0..<4 { _ = try spool.append(many) }
        let count = try segments(folder).count
        #expect(count > 2)
        try spool.trim(below: 120_001)
        #expect(try segments(folder).count < count)
        #expect(try spool.points(from: 120_001, limit: 1).first?.step == 0)
        try spool.trim(below: 240_001)
        #expect(try segments(folder).count == 1)
        let reopened = try PointSpool(folder: folder.path)
        #expect(reopened.total == 240_000)
        // Sent again from here on, no acknowledged point comes back as a lost one.
        #expect(reopened.firstHeld == spool.firstHeld && reopened.firstHeld > 120_001)
        #expect(try !reopened.points(from: reopened.firstHeld, limit: 1).contains { $0.key == "spool.lost" })
    }

    private let token = AttemptToken(
        ledger: "ledger", epoch: 1, job: JobID(ContentDigest.of("job")), attempt: AttemptNumber(1))

    @Test("a report keeps its files though the trainer removes them, over a restart, until it is settled")
    func reportFiles() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("adapter", "weights")
        let digest = ContentDigest.of("weights")
        let body = Report.Body.log(LogReport(offset: 0, text: "x"))
        let report = Report(token: token, body)
        let stored = try ReportSpool(folder: folder.path + "/spool").append(
            report, sources: [SpooledBlob(path: file, sha256: digest, size: 7)])
        try DiskFiles().remove(file)

        let spool = try ReportSpool(folder: folder.path + "/spool")
        #expect(spool.pending == [SpooledReport(number: 1, body: body, hasBlobs: true)])
        #expect(spool.pending == [stored])
        #expect(try ContentDigest.of(file: spool.blobs(of: 1)[0].path).digest == digest)
        #expect(try spool.append(report).number == 2)
        #expect(try spool.settle(1))
        #expect(spool.pending.map(\.number) == [2])
        #expect(try DiskFiles().list(folder.path + "/spool") == ["report-00000002.json"])
    }

    @Test("a report that was not synced outlasts its process; torn by a power cut it was never there")
    func briefReport() throws {
        let folder = try TemporaryFolder()
        let body = Report.Body.log(LogReport(offset: 0, text: "x"))
        _ = try ReportSpool(folder: folder.path).append(Report(token: token, body), isDurable: false)
        let second = try ReportSpool(folder: folder.path)
        #expect(second.pending.map(\.body) == [body])
        #expect(try second.settle(1))
        #expect(try DiskFiles().list(folder.path).isEmpty)

        _ = try second.append(Report(token: token, body), isDurable: false)
        let name = try #require(try DiskFiles().list(folder.path).first)
        _ = try folder.write(name, "")
        let third = try ReportSpool(folder: folder.path)
        #expect(third.pending.isEmpty && third.damage == nil)
        #expect(try third.append(Report(token: token, body)).number > 2)
    }

    @Test("what was seen is remembered, and a damaged report is passed over by name")
    func seen() throws {
        let folder = try TemporaryFolder()
        let first = try ReportSpool(folder: folder.path)
        try first.markSeen("checkpoint step-00000001")
        _ = try folder.write("report-00000007.json", "{ not json")
        var damaged: [String] = []
        let second = try ReportSpool(folder: folder.path) { damaged.append($0) }
        #expect(second.hasSeen("checkpoint step-00000001"))
        #expect(!second.hasSeen("checkpoint step-00000002"))
        #expect(damaged.count == 1 && damaged[0].contains("report-00000007.json"))
    }

    @Test("a report of which one bit flipped is not believed; one of an older version, without a checksum, is")
    func flippedBit() throws {
        let folder = try TemporaryFolder()
        let spool = try ReportSpool(folder: folder.path)
        let body = Report.Body.log(LogReport(offset: 0, text: "12345"))
        _ = try spool.append(Report(token: token, body))
        #expect(spool.damage == nil)
        let path = folder.path + "/report-00000001.json"
        let whole = try DiskFiles().read(path, limit: 1 << 20)
        for place in stride(from: 0, to: whole.count, by: 7) {
            var bytes = whole
            bytes[place] ^= 1 << (place % 8)
            try DiskFiles().writeAtomically(bytes, to: path)
            let found = try ReportSpool(folder: folder.path)
            #expect(found.pending.isEmpty && found.damage != nil, "byte \(place)")
        }
        let end = try #require(whole.lastIndex(of: UInt8(ascii: "\n")))
        try DiskFiles().writeAtomically(Array(whole[..<end]), to: path)
        #expect(try ReportSpool(folder: folder.path).pending.map(\.body) == [body])
    }
}
