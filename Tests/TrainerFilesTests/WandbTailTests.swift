import Ports
import TestSupport
import Testing
import TrainerFiles

@Suite("Offline logs of W&B")
struct WandbTailTests {
    private static let name = "wandb/run-fixture1.wandb"

    @Test("what wandb wrote is what its own messages hold, rows longer than a block too")
    func whole() throws {
        var tail = WandbTail(path: "\(Fixtures.folder)/\(Self.name)")
        let reading = try tail.readAll(isComplete: true)
        #expect(reading.points == (try Fixtures.points("wandb")))
        #expect(reading.faults.isEmpty)
        #expect(reading.points.contains(RawPoint(name: "nested.deep.b", step: 31, value: -2.5)))
        #expect(FolderFiles(Fixtures.folder, isName: WandbTail.isName).paths == ["\(Fixtures.folder)/\(Self.name)"])
    }

    @Test("another item is the step where the rule names one; rows without it are told")
    func namedStep() throws {
        var tail = WandbTail(path: "\(Fixtures.folder)/\(Self.name)", stepName: "trainer/global_step")
        let reading = try tail.readAll(isComplete: true)
        #expect(reading.points.filter { $0.name == "loss" }.map(\.step) == (0..<30).map { $0 * 10 })
        #expect(!reading.points.contains { $0.name == "trainer/global_step" })
        #expect(reading.faults.map(\.kind) == [.step, .step, .step, .step])
    }

    @Test("torn at every byte it is read without a fault, and goes on from the position")
    func torn() throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.bytes(Self.name)
        let wanted = try Fixtures.points("wandb")
        let path = folder.path + "/run.wandb"
        let file = try OpenFile(writing: path)
        var points: [RawPoint] = []
        var tail = WandbTail(path: path)
        var size = 0
        while size < bytes.count {
            // Every byte, but for the long row, which has no records inside; its block ends again.
            let isInLongRow = points.count >= 95 && points.count < wanted.count - 1
            let toBlock = 32768 - size % 32768
            let pace = isInLongRow && toBlock > 400 && toBlock < 32700 && bytes.count - size > 400 ? 331 : 1
            let next = min(size + pace, bytes.count)
            try file.write(Array(bytes[size..<next]), at: Int64(size))
            size = next
            // A reader that was begun anew at the position.
            if size % 7 == 0 { tail = WandbTail(path: path, position: tail.position) }
            let reading = try tail.readAll()
            #expect(reading.faults.isEmpty)
            points += reading.points
        }
        #expect(points == wanted)
    }

    @Test("a damaged block is told and passed over; a foreign file is left out")
    func damaged() throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.bytes(Self.name)
        let wanted = try Fixtures.points("wandb")
        let path = folder.path + "/run.wandb"
        for index in stride(from: 7, to: 6000, by: 97) {
            var wrong = bytes
            wrong[index] ^= 0x20
            try DiskFiles().writeAtomically(wrong, to: path)
            var tail = WandbTail(path: path)
            let reading = try tail.readAll(isComplete: true)
            #expect(reading.points.allSatisfy(wanted.contains))
            #expect(!reading.faults.isEmpty && reading.faults.allSatisfy { $0.detail.contains(path) })
            // Of the blocks behind it everything is there but the row that began before them.
            #expect(reading.points.last == wanted.last)
        }
        try DiskFiles().writeAtomically(Array("nothing of W&B's".utf8), to: path)
        var tail = WandbTail(path: path)
        #expect(try tail.readAll().faults.map(\.kind) == [.file])
    }
}
