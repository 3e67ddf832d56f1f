import Foundation
import TestSupport
import Testing
import Worker

@Suite("A view of a folder in which a program may write")
struct LinkTreeTests {
    private func path(_ folder: TemporaryFolder, _ name: String) -> BytePath { BytePath("\(folder.path)/\(name)") }

    @Test("new files and changed captions stay in the view; what was added is found again, and shown to others")
    func view() throws {
        let folder = try TemporaryFolder()
        let manager = FileManager.default
        let image = Data(repeating: 7, count: 100_000)
        try manager.createDirectory(atPath: folder.path + "/data/10_veko", withIntermediateDirectories: true)
        try image.write(to: URL(filePath: folder.path + "/data/10_veko/a.png"))
        _ = try folder.write("data/10_veko/a.txt", "veko cat")
        let view = path(folder, "view")
        try LinkTree.make(of: path(folder, "data"), at: view)
        #expect(try Data(contentsOf: URL(filePath: folder.path + "/view/10_veko/a.png")) == image)
        let link = try manager.destinationOfSymbolicLink(atPath: folder.path + "/view/10_veko/a.png")
        #expect(link.hasSuffix("/data/10_veko/a.png"), "large files are links")
        // What trainers do: caches beside images, captions rewritten, folders made.
        _ = try folder.write("view/10_veko/a.npz", "latents")
        _ = try folder.write("view/10_veko/a.txt", "changed")
        try manager.createDirectory(atPath: folder.path + "/view/cache", withIntermediateDirectories: true)
        _ = try folder.write("view/cache/t.npz", "texts")
        #expect(try folder.read("data/10_veko/a.txt") == "veko cat")
        #expect(
            try manager.subpathsOfDirectory(atPath: folder.path + "/data").sorted() == [
                "10_veko", "10_veko/a.png", "10_veko/a.txt",
            ])

        let count = try LinkTree.moveAdded(in: view, besides: path(folder, "data"), to: path(folder, "added"))
        #expect(count == 2)
        let added = try manager.subpathsOfDirectory(atPath: folder.path + "/added").sorted()
        #expect(added == ["10_veko", "10_veko/a.npz", "cache", "cache/t.npz"])
        // The next attempt's view: the data, and what was added to them; the data's own files come first.
        let next = path(folder, "next")
        _ = try folder.write("added/10_veko/a.txt", "not this")
        try LinkTree.make(of: path(folder, "data"), at: next)
        try LinkTree.make(of: path(folder, "added"), at: next)
        #expect(try folder.read("next/10_veko/a.npz") == "latents" && folder.read("next/10_veko/a.txt") == "veko cat")
        // Removing a view removes nothing else.
        try manager.removeItem(atPath: folder.path + "/view")
        #expect(try Data(contentsOf: URL(filePath: folder.path + "/data/10_veko/a.png")) == image)
    }
}
