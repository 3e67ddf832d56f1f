import Ports
import RunSpec
import TestSupport
import Testing

@Suite("Names of inputs")
struct InputNamesTests {
    @Test("names travel as bytes: Latin-1, and two that differ by their normalisation alone")
    func bytes() async throws {
        let cluster = try await Cluster()
        let disk = DiskFiles()
        let concept = cluster.folder.path + "/concept/2_cat"
        try disk.makeFolder(concept)
        let latin = LocalPath.text(Array("caf".utf8) + [0xE9] + Array(".txt".utf8))
        for (name, text) in [(latin, "latin"), ("caf\u{E9}.txt", "composed"), ("cafe\u{301}.txt", "decomposed")] {
            try disk.writeAtomically(Array(text.utf8), to: "\(concept)/\(name)")
        }
        try await cluster.launch(
            """
            name: names
            data: concept
            trainer: { command: [sh, "{folder}/trainer.sh", "{out}", "{data}"] }
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """,
            script: """
                #!/bin/sh
                set -e
                cd "$2/2_cat"
                test "$(ls | wc -l)" = 3
                test "$(cat "$(printf 'caf\\351.txt')")" = latin
                test "$(cat "$(printf 'caf\\303\\251.txt')")" = composed
                test "$(cat "$(printf 'cafe\\314\\201.txt')")" = decomposed

                """)
        // Nowhere but at the coordinator: the worker restores the names.
        try disk.remove(cluster.folder.path + "/concept")
        let worker = try cluster.worker()
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]).map { $0[0] } == ["done"])
        let paths = try await cluster.query("SELECT path FROM input_file").flatMap { $0 }
        #expect(paths.contains { $0.utf8.elementsEqual("2_cat/caf%E9.txt".utf8) } && paths.count == 3)
        try await worker.stop()
        await cluster.stop()
    }
}
