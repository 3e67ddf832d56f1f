import Foundation
import Ports
import TestSupport
import Testing
import TrainerFiles

@Suite("Event files of TensorBoard")
struct EventTailTests {
    private static let main = "events.out.tfevents.1700000000.host.0"
    private static let restarted = "events.out.tfevents.1700000003.host.3"

    private func file(_ folder: TemporaryFolder, _ bytes: [UInt8], name: String = main) throws -> String {
        let path = "\(folder.path)/\(name)"
        try DiskFiles().writeAtomically(bytes, to: path)
        return path
    }

    @Test("what torch.utils.tensorboard wrote is what tensorboard reads in it", arguments: [main, restarted])
    func torch(name: String) throws {
        var tail = EventTail(path: "\(Fixtures.folder)/torch/\(name)")
        let reading = try tail.readAll(isComplete: true)
        #expect(reading.points == (try Fixtures.points("torch", file: name)))
        #expect(reading.faults.isEmpty)
        #expect(tail.position == UInt64(try Fixtures.bytes("torch/\(name)").count))
    }

    @Test("a folder is searched at any depth, in the order of times; add_scalars gives a metric for each key")
    func folders() throws {
        let found = FolderFiles(Fixtures.folder + "/torch", isName: EventTail.isName)
        #expect(
            found.paths.map { $0.dropFirst(Fixtures.folder.count + 7) } == [
                Substring(Self.main), "quality_train/events.out.tfevents.1700000001.host.1",
                "quality_val/events.out.tfevents.1700000002.host.2", Substring(Self.restarted),
            ])
        var points: [RawPoint] = []
        for path in found.paths {
            var tail = EventTail(path: path)
            points += try tail.readAll(isComplete: true).points
        }
        #expect(
            points.filter { $0.name.hasPrefix("quality") } == [
                RawPoint(name: "quality/train", step: 4, value: 0.25),
                RawPoint(name: "quality/val", step: 4, value: 0.75),
            ])
        let resume = Fixtures.folder + "/torch/quality_val"
        #expect(FolderFiles(Fixtures.folder + "/torch", besides: [resume], isName: EventTail.isName).paths.count == 3)
    }

    @Test("pictures come as they were encoded, from the old form and the new")
    func images() throws {
        for name in ["torch", "tensors"] {
            var tail = EventTail(path: "\(Fixtures.folder)/\(name)/\(Self.main)")
            let images = try tail.readAll(isComplete: true).images
            let wanted = try Fixtures.expected(name).images ?? []
            #expect(images.count == wanted.count && !images.isEmpty)
            for (image, row) in zip(images, wanted) {
                #expect(image.name.hasPrefix(row[0].text) && String(image.step) == row[1].text)
                #expect(ContentDigest.of(image.bytes).text == row[2].text && image.format == "png")
            }
        }
    }

    @Test("scalars in tensors of every type")
    func tensors() throws {
        var tail = EventTail(path: "\(Fixtures.folder)/tensors/\(Self.main)")
        let reading = try tail.readAll(isComplete: true)
        #expect(reading.points == (try Fixtures.points("tensors")))
        #expect(reading.faults.isEmpty)
    }

    @Test("torn at every byte a file is read without a fault and completed later", arguments: ["torch", "tensors"])
    func tornWhileGrowing(name: String) throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.bytes("\(name)/\(Self.main)")
        let path = "\(folder.path)/\(Self.main)"
        let file = try OpenFile(writing: path)
        var tail = EventTail(path: path)
        var points: [RawPoint] = []
        let wanted = try Fixtures.points(name, file: Self.main)
        for (index, byte) in bytes.enumerated() {
            try file.write([byte], at: Int64(index))
            let reading = try tail.readAll()
            #expect(reading.faults.isEmpty)
            points += reading.points
            guard points == Array(wanted.prefix(points.count)) else {
                Issue.record("\(index + 1) bytes: \(points.suffix(2))")
                return
            }
        }
        #expect(points == wanted && tail.position == UInt64(bytes.count))
    }

    @Test("from every torn prefix a later reader goes on exactly where the position says")
    func tornAndRestarted() throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.bytes("torch/\(Self.restarted)")
        let wanted = try Fixtures.points("torch", file: Self.restarted)
        for size in 0...bytes.count {
            let path = try file(folder, Array(bytes[..<size]))
            var first = EventTail(path: path)
            let before = try first.readAll()
            // A trainer that was killed leaves just this.
            var last = EventTail(path: path, position: first.position)
            #expect(try last.readAll(isComplete: true).faults.isEmpty)
            _ = try file(folder, bytes)
            var second = EventTail(path: path, position: first.position)
            #expect(before.points + (try second.readAll(isComplete: true).points) == wanted, "\(size) bytes")
        }
    }

    @Test("a damaged byte anywhere is told, by the file's name, and never makes a wrong number")
    func damaged() throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.bytes("torch/\(Self.restarted)")
        let wanted = try Fixtures.points("torch", file: Self.restarted)
        for index in bytes.indices {
            var wrong = bytes
            wrong[index] ^= 0x10
            let path = try file(folder, wrong)
            var tail = EventTail(path: path)
            let reading = try tail.readAll(isComplete: true)
            #expect(reading.points.allSatisfy(wanted.contains), "byte \(index)")
            #expect(!reading.faults.isEmpty && reading.faults.allSatisfy { $0.detail.contains(path) })
        }
    }

    @Test("a damaged payload costs its record alone")
    func damagedRecord() throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.bytes("torch/\(Self.restarted)")
        let wanted = try Fixtures.points("torch", file: Self.restarted)
        var place = 0
        var number = 0
        while place < bytes.count {
            let length = (0..<8).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
            var wrong = bytes
            wrong[place + 12 + length / 2] ^= 1
            var tail = EventTail(path: try file(folder, wrong))
            let reading = try tail.readAll(isComplete: true)
            // The first record has the version alone, each other one a point.
            var left = wanted
            if number > 0 { left.remove(at: number - 1) }
            #expect(reading.points == left && reading.faults.map(\.kind) == [.record])
            place += length + 16
            number += 1
        }
        #expect(number == wanted.count + 1)
    }

    @Test("a foreign file is told by name and left alone; zeros that are not filled yet are waited for")
    func foreign() throws {
        let folder = try TemporaryFolder()
        for bytes in [Array("step,loss\n1,0.5\n2,0.25\n".utf8), try Fixtures.bytes("pixel.png")] {
            let path = try file(folder, bytes)
            var tail = EventTail(path: path)
            let reading = try tail.readAll()
            #expect(reading.faults.map(\.kind) == [.file] && reading.faults[0].detail.contains("no TensorBoard"))
            #expect(reading.faults[0].detail.contains(path))
            #expect(try tail.readAll(isComplete: true).faults.isEmpty, "told once")
        }
        let path = try file(folder, [UInt8](repeating: 0, count: 4096))
        var tail = EventTail(path: path)
        #expect(try tail.readAll().faults.isEmpty)
        #expect(try tail.readAll(isComplete: true).faults.map(\.kind) == [.file])
    }

    @Test("a file that begins anew is read anew")
    func begunAnew() throws {
        let folder = try TemporaryFolder()
        let path = try file(folder, try Fixtures.bytes("torch/\(Self.main)"))
        var tail = EventTail(path: path)
        _ = try tail.readAll()
        let other = try Fixtures.bytes("torch/\(Self.restarted)")
        _ = try file(folder, other)
        #expect(try tail.readAll().points == (try Fixtures.points("torch", file: Self.restarted)))
    }

    @Test("a file of a gigabyte costs no memory to speak of; records that are too long are told and passed over")
    func large() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/\(Self.main)"
        let good = try Fixtures.bytes("torch/\(Self.restarted)")
        let file = try OpenFile(writing: path)
        var end: Int64 = 0
        // Holes in the file: its records have the length and nothing else.
        for length in [300 << 20, 400 << 20, 300 << 20] {
            try file.write(good, at: end)
            end += Int64(good.count)
            try file.write(Self.head(UInt64(length)), at: end)
            end += Int64(length) + 16
            try file.truncate(to: end)
        }
        try file.write(good, at: end)
        let before = try Self.residentMB()
        var tail = EventTail(path: path)
        let reading = try tail.readAll()
        #expect(reading.points.count == 4 * (try Fixtures.points("torch", file: Self.restarted).count))
        #expect(reading.faults.map(\.kind) == [.record, .record, .record])
        #expect(try Self.residentMB() - before < 200)
    }

    /// Length and its masked checksum, by the definition of the format.
    static func head(_ length: UInt64) -> [UInt8] {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }
        let crc = CRC32C.of(bytes)
        let masked = (crc >> 15 | crc << 17) &+ 0xA282_EAD8
        return bytes + (0..<4).map { UInt8(truncatingIfNeeded: masked >> (8 * UInt32($0))) }
    }

    /// The most this process ever held in memory.
    private static func residentMB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (Int(line.split { !$0.isNumber }.first ?? "") ?? 0) / 1024
    }
}
