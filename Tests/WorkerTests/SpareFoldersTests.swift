import Glibc
import Ports
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker
import WorkerCore

@Suite("Folders of short attempts serve the next ones")
struct SpareFoldersTests {
    private let folder: TemporaryFolder
    private let spares: SpareFolders
    private var files: DiskFiles { DiskFiles() }

    init() throws {
        folder = try TemporaryFolder()
        spares = SpareFolders(folder: folder.path + "/spare", files: DiskFiles())
        try spares.clear()
    }

    /// What an attempt that ran `true` leaves.
    private func attempt(_ name: String, log: String = "") throws -> AttemptPlace {
        try files.makeFolder("\(folder.path)/\(name)/out")
        try files.makeFolder("\(folder.path)/\(name)/spool")
        for (file, text) in [("attempt.json", "{\"a longer one\": 1}"), ("log", log), ("process.exit", "15\n")] {
            _ = try folder.write("\(name)/\(file)", text)
        }
        return AttemptPlace(path: "\(folder.path)/\(name)")
    }

    private func token(_ job: String) -> AttemptToken {
        AttemptToken(ledger: "ledger", epoch: 1, job: JobID(ContentDigest.of(job)), attempt: AttemptNumber(1))
    }

    @Test("the next attempt finds its own grant, an empty log and no status")
    func again() throws {
        try spares.giveBack(try attempt("one", log: "what one printed"), isShort: true, leftNothing: false)
        #expect(!folder.exists("one"))
        #expect(try spares.take(AttemptPlace(path: folder.path + "/two"), grant: Array("{}".utf8)))
        #expect(try folder.read("two/attempt.json") == "{}")
        #expect(!folder.exists("two/log"))
        #expect(Int32(try folder.read("two/process.exit").prefix { $0 != "\n" }) == nil)
        #expect(try !spares.take(AttemptPlace(path: folder.path + "/three"), grant: []))
    }

    @Test("a folder with anything else in it, or of an attempt that was not short, is removed")
    func removed() throws {
        for extra in ["out/adapter", "copies", "spool/report-00000001.json", "spool/points-1"] {
            let place = try attempt("one")
            _ = try folder.write("one/\(extra)", "x")
            try spares.giveBack(place, isShort: true, leftNothing: false)
            #expect(!folder.exists("one"))
        }
        try spares.giveBack(try attempt("long"), isShort: false, leftNothing: false)
        #expect(!folder.exists("long"))
        #expect(try !spares.take(AttemptPlace(path: folder.path + "/two"), grant: []))
    }

    @Test("one whose emptiness was seen is not looked into again, but what lies beside is")
    func leftNothing() throws {
        let place = try attempt("one")
        try spares.giveBack(place, isShort: true, leftNothing: true)
        #expect(!folder.exists("one"))
        #expect(try spares.take(AttemptPlace(path: folder.path + "/two"), grant: Array("{}".utf8)))
        #expect(try files.list(folder.path + "/two/out").isEmpty)
        #expect(try folder.read("two/log").isEmpty)
        #expect(try folder.read("two/process.exit") == "-\n")
        for extra in ["copies", "spool/report-00000001.json"] {
            let place = try attempt("other")
            _ = try folder.write("other/\(extra)", "x")
            try spares.giveBack(place, isShort: true, leftNothing: true)
            #expect(!folder.exists("other"))
        }
        let open = try attempt("open")
        #expect(chmod(open.out, 0o777) == 0)
        try spares.giveBack(open, isShort: true, leftNothing: true)
        #expect(try !spares.take(AttemptPlace(path: folder.path + "/three"), grant: []))
    }

    @Test("a report that the folder's attempt before left is nobody's")
    func earlierReport() throws {
        let spool = folder.path + "/spool"
        let first = try ReportSpool(folder: spool, token: token("one"))
        let report = Report(token: token("one"), .released(ReleaseReport(reason: .drain)))
        let spooled = try first.append(report, isDurable: false)
        #expect(try ReportSpool(folder: spool, token: token("one")).pending == [spooled])
        #expect(try first.settle(spooled.number))
        #expect(folder.exists("spool/brief-00000001.json"))
        // Before its own is written over it, and after a power cut that took that away.
        #expect(try ReportSpool(folder: spool, token: token("two")).pending.isEmpty)
    }
}
