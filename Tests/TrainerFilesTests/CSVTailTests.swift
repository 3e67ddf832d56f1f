import Ports
import TestSupport
import Testing
import TrainerFiles

@Suite("CSV files of loggers")
struct CSVTailTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/metrics.csv"
    }

    private func write(_ text: String) throws { try DiskFiles().writeAtomically(Array(text.utf8), to: path) }

    private func point(_ name: String, _ step: Int64, _ value: Double) -> RawPoint {
        RawPoint(name: name, step: step, value: value)
    }

    @Test("rows under a header, quoted cells, every line end, every separator", arguments: [",", ";", "\t"])
    func rows(separator: String) throws {
        let text = "\u{FEFF}step,loss,\"a, \"\"b\"\"\"\r\n1,0.5,\n2,\" 0.25\",-1e-3\r3,nan,inf\n4,,\"7"
        try write(text.replacing("a, ", with: "a| ").replacing(",", with: separator).replacing("|", with: ","))
        var tail = CSVTail(path: path)
        let name = "a, \"b\""
        let wanted = [
            point("loss", 1, 0.5), point("loss", 2, 0.25), point(name, 2, -1e-3), point("loss", 3, .nan),
            point(name, 3, .infinity),
        ]
        #expect(try tail.readAll().points == wanted)
        #expect(try tail.readAll(isComplete: true).points == [point(name, 4, 7)])
        #expect(tail.position == 4)
    }

    @Test("torn at every byte, and begun anew at its position, it gives every row once")
    func torn() throws {
        let text = "step,loss,word\n" + (1...30).map { "\($0),0.\($0),\"x\"\"\ny\"\n" }.joined()
        let bytes = Array(text.utf8)
        let wanted = (1...30).map { point("loss", Int64($0), Double("0.\($0)") ?? 0) }
        for size in 0...bytes.count {
            try DiskFiles().writeAtomically(Array(bytes[..<size]), to: path)
            var first = CSVTail(path: path)
            let before = try first.readAll().points
            try write(text)
            var second = CSVTail(path: path, position: first.position)
            #expect(before + (try second.readAll().points) == wanted, "\(size) bytes")
            #expect(before + (try first.readAll().points) == wanted, "\(size) bytes, the same reader")
        }
    }

    @Test("a header that grows, below or in a file written anew, gives the new columns")
    func growingHeader() throws {
        try write("step,loss\n1,0.5\n2,0.25\n")
        var tail = CSVTail(path: path)
        _ = try tail.readAll()
        try write("step,loss\n1,0.5\n2,0.25\nstep,loss,lr\n3,0.125,1e-4\n")
        #expect(try tail.readAll().points == [point("loss", 3, 0.125), point("lr", 3, 1e-4)])
        try write("step,loss,lr,val\n1,0.5,,\n2,0.25,,\n3,0.125,1e-4,\n4,0.1,1e-4,9\n")
        let again = try tail.readAll().points
        #expect(again.suffix(3) == [point("loss", 4, 0.1), point("lr", 4, 1e-4), point("val", 4, 9)])
        #expect(tail.position == 4)
        // Cut and begun anew under the same header.
        try write("step,loss,lr,val\n5,1,,\n")
        #expect(try tail.readAll().points == [point("loss", 5, 1)])
    }

    @Test("a missing step column is told with the columns there are; text is counted")
    func faults() throws {
        try write("global_step,loss,when\n1,0.5,Monday\n2,0.25,Tuesday\n")
        var tail = CSVTail(path: path)
        let reading = try tail.readAll()
        #expect(reading.points.isEmpty && reading.faults.map(\.kind) == [.step] && reading.faults[0].count == 2)
        #expect(reading.faults[0].detail.contains("columns: global_step, loss, when"))
        var named = CSVTail(path: path, stepName: "global_step")
        let good = try named.readAll()
        #expect(good.points == [point("loss", 1, 0.5), point("loss", 2, 0.25)])
        #expect(good.faults.map(\.kind) == [.value] && good.faults[0].count == 2)
    }

    @Test("a row of more than a mebibyte is passed over, and told")
    func longRow() throws {
        let long = String(repeating: "x", count: 3 << 20)
        try write("step,loss\n1,0.5\n2,\(long)\n3,0.25\n")
        var tail = CSVTail(path: path)
        let reading = try tail.readAll()
        #expect(reading.points == [point("loss", 1, 0.5), point("loss", 3, 0.25)])
        #expect(reading.faults.map(\.kind) == [.record])
    }
}
