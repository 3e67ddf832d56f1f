import Foundation
import TestSupport
import Testing

@Suite("A folder that people can look into", .serialized)
struct SweepFolderTests {
    @Test("links by readable names, kept in step, made anew after a deletion", .timeLimit(.minutes(15)))
    func links() throws {
        let house = try House()
        let script = try house.folder.write(
            "train.sh",
            """
            #!/bin/sh
            echo "training at $1"
            mkdir -p samples
            printf 'adapter of %s' "$1" > adapter-7.bin
            cp "$2" samples/one.png
            echo '{"step": 7, "loss": 0.5}' > metrics.jsonl

            """, executable: true)
        let pixel = RadiataProgram.root.path + "/Tests/TrainerFilesTests/Fixtures/pixel.png"
        let file = try house.folder.write(
            "s.yaml",
            """
            name: tree
            trainer:
              command: [\(script), "{lr}", \(pixel)]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              checkpoints: [ { glob: "{out}/adapter-*.bin", step: "adapter-([0-9]+)" } ]
              samples: [ { glob: "{out}/samples/*.png" } ]
            groups: [ { grid: { lr: [0.1, 0.2] } } ]
            """)
        try house.startCoordinator()
        try #require(try house.radiata(["launch", file]).status == 0)
        let worker = try house.startWorker("one")
        defer { house.slay(worker) }
        let root = house.data + "/sweeps"
        let manager = FileManager.default
        func job(_ lr: String) -> String? {
            (try? manager.contentsOfDirectory(atPath: root + "/tree"))?.first { $0.hasPrefix("lr\(lr)-") }
        }
        func isThere() -> String? {
            for lr in ["0.1", "0.2"] {
                guard let name = job(lr) else { return "no folder of \(lr)" }
                let files = (try? manager.subpathsOfDirectory(atPath: "\(root)/tree/\(name)")) ?? []
                let own = { (start: String, end: String) in files.first { $0.hasPrefix(start) && $0.hasSuffix(end) } }
                guard let adapter = own("checkpoints/", "adapter-7.bin"),
                    let image = own("samples/", ".png")
                else { return "\(files)" }
                let text = try? String(contentsOfFile: "\(root)/tree/\(name)/\(adapter)", encoding: .utf8)
                if text != "adapter of \(lr)" { return "\(adapter): \(text ?? "-")" }
                if manager.contents(atPath: "\(root)/tree/\(name)/\(image)") != manager.contents(atPath: pixel) {
                    return image
                }
                let log = (try? String(contentsOfFile: "\(root)/tree/\(name)/log.txt", encoding: .utf8)) ?? ""
                if !log.contains("training at \(lr)") { return "log: \(log)" }
            }
            return nil
        }
        try house.eventually("the links are there") { isThere() }
        // Deleted, with the ledger's files as they were: a start makes it anew, and leaves what is not ours.
        let blobs = try manager.subpathsOfDirectory(atPath: house.data + "/blobs").count
        try manager.removeItem(atPath: root)
        #expect(try manager.subpathsOfDirectory(atPath: house.data + "/blobs").count == blobs)
        try manager.createDirectory(atPath: root + "/tree/gone", withIntermediateDirectories: true)
        try "mine".write(toFile: root + "/tree/gone/note.txt", atomically: true, encoding: .utf8)
        let coordinator = try #require(house.coordinator)
        house.slay(coordinator)
        try house.startCoordinator()
        try house.eventually("the links are there again") { isThere() }
        #expect(manager.fileExists(atPath: root + "/tree/gone/note.txt"))
        // Deleted sweeps take their links along.
        try #require(try house.radiata(["delete", "tree", "--yes"]).status == 0)
        house.slay(try #require(house.coordinator))
        try house.startCoordinator()
        try house.eventually("its links are gone") { job("0.1") }
    }
}
