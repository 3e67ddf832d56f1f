import Foundation
import SweepModel
import TestSupport
import Testing
import Worker

@Suite("Metrics that a file asks for later", .serialized)
struct LaterMetricTests {
    private let sweep = """
        name: later
        seeds: [1, 2]
        trainer:
          command: [sh, "{folder}/trainer.sh", "{out}"]
          samples: [ { glob: "{out}/*.png" } ]
        groups: [ { list: [ { lr: 1e-4 } ] } ]
        """

    @Test("launched again with a program that measures, a sweep that is done gets its evaluations, and once")
    func launchedAgain() async throws {
        let cluster = try await Cluster()
        let script = "#!/bin/sh\necho \"picture $1\" > \"$1/one.png\"\n"
        try await cluster.launch(sweep, script: script)
        let worker = try cluster.worker()
        #expect(try await cluster.jobs(reach: ["done", "failed"]) == [["done", "1", "null"], ["done", "1", "null"]])
        try await worker.stop()
        let more = sweep + "\nmetrics: { size: { better: higher, command: [python3, size.py] } }\n"
        for _ in 1...2 {
            try await cluster.launch(more, script: script)
            #expect(
                try await cluster.query("SELECT kind, state, count(*) FROM jobs GROUP BY 1, 2 ORDER BY 1") == [
                    ["evaluate", "waiting", "2"], ["train", "done", "2"],
                ])
        }
        await cluster.stop()
    }
}
