import Foundation
import Glibc
import Ports
import TestSupport
import Testing
import Worker

@Suite("The worker's own folder")
struct WorkFolderTests {
    @Test(
        "it has one name, whatever way leads there", arguments: ["w/", "./w", "x/../w", "link", "w//"])
    func canonical(way: String) throws {
        let folder = try TemporaryFolder()
        try DiskFiles().makeFolder(folder.path + "/w")
        try DiskFiles().makeFolder(folder.path + "/x")
        #expect(symlink("w", folder.path + "/link") == 0)
        let real = try #require(BytePath(folder.path).realText)
        let first = try WorkFolder.open(folder.path + "/" + way, random: SystemRandom())
        #expect(first.path == real + "/w")
        // A second worker takes the next one beside it.
        let second = try WorkFolder.open(folder.path + "/" + way, random: SystemRandom())
        #expect(second.path == real + "/w-2")
        #expect(first.worker != second.worker)
    }

    @Test("a copy is refused with what to do; a folder that was moved goes on")
    func copies() throws {
        let folder = try TemporaryFolder()
        let (one, two, three) = (folder.path + "/one", folder.path + "/two", folder.path + "/three")
        let worker = try WorkFolder.open(one, random: SystemRandom()).worker
        try FileManager.default.copyItem(atPath: one, toPath: two)
        let error = #expect(throws: WorkerError.self) { try WorkFolder.open(two, random: SystemRandom()) }
        #expect(error?.code == .workFolder)
        #expect(error?.message.contains("copy of the work folder of worker \(worker.prefix(8))") == true)
        #expect(error?.message.contains("--work DIR") == true && error?.message.contains("rm ") == true)
        #expect(try WorkFolder.open(one, random: SystemRandom()).worker == worker)
        try DiskFiles().rename(one, to: three)
        #expect(try WorkFolder.open(three, random: SystemRandom()).worker == worker)
        #expect(try WorkFolder.open(three, random: SystemRandom()).worker == worker)
        // As the message says.
        for name in ["id", "key", "home"] { try DiskFiles().remove(two + "/" + name) }
        #expect(try WorkFolder.open(two, random: SystemRandom()).worker != worker)
    }
}

extension BytePath {
    /// Links resolved.
    fileprivate var realText: String? {
        guard let text, let real = realpath(text, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }
}
