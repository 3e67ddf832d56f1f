import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire
import TestSupport
import Testing
import Worker

@Suite("Jobs that end as soon as they begin", .serialized)
struct QuickJobTests {
    @Test("what they print, leave and return counts as of any other; the next in their folder finds nothing of it")
    func outcomes() async throws {
        let cluster = try await Cluster()
        try await cluster.launch(
            """
            name: quick
            seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
            retries: { crash: 0 }
            trainer:
              command: [sh, "{folder}/trainer.sh", "{out}", "{seed}"]
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """,
            script: """
                #!/bin/sh
                [ -z "$(ls -A "$1")" ] || exit 4
                ls "$1/.." >> "{folder}/seen"
                case $2 in
                    5|9) echo "says $2" ;;
                    6|10) echo x > "$1/file" ;;
                    16) exit 3 ;;
                esac
                """)
        let worker = try cluster.worker(slots: 2)
        let jobs = try await cluster.jobs(reach: ["done", "failed", "parked"])
        #expect(jobs.map { $0[0] } == (1...20).map { $0 == 16 ? "failed" : "done" })
        #expect(jobs.filter { $0[2] != "null" }.map { $0[2] } == ["crash"])
        for seed in [5, 9] {
            let job = try await cluster.query("SELECT id FROM jobs WHERE seed = \(seed)")[0][0]
            #expect(try await cluster.client.call(.logs, LogRequest(job: job)).text.contains("says \(seed)"))
        }
        try await worker.stop()
        #expect(try DiskFiles().list(cluster.folder.path + "/work/attempts").isEmpty)
        // Nothing names the job's file, so none is made.
        #expect(try !cluster.folder.read("seen").contains("job.json"))
        await cluster.stop()
    }

    @Test("the job's file is there where a text names it, and is the job's own")
    func jobFile() async throws {
        let cluster = try await Cluster()
        try await cluster.launch(
            """
            name: named
            seeds: [1, 2, 3, 4, 5, 6, 7, 8]
            trainer: { command: [sh, "{folder}/trainer.sh", "{job}", "{seed}"] }
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """, script: "#!/bin/sh\ngrep -q \"\\\"seeds\\\":.$2.\" \"$1\"\n")
        let worker = try cluster.worker()
        let jobs = try await cluster.jobs(reach: ["done", "failed", "parked"])
        #expect(jobs.allSatisfy { $0[0] == "done" } && jobs.count == 8)
        try await worker.stop()
        await cluster.stop()
    }
}
