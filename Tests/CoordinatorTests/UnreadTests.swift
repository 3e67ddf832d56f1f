import Coordinator
import SweepModel
import SweepWire
import Testing

@Suite("More jobs wait than a start reads")
struct UnreadTests {
    @Test("after a start each of them is handed out once, and none that was canceled or paused meanwhile")
    func all() async throws {
        let bench = DaemonBench()
        try await bench.start()
        // More than the 5,000 of which a coordinator knows when it begins to answer.
        try await bench.launch((1...5400).map { "\($0)e-9" })
        try await bench.launch((1...50).map { "\($0)e-3" }, name: "other")
        let last = try await bench.query(
            "SELECT id FROM jobs WHERE configuration = (SELECT max(configuration) FROM jobs WHERE sweep = 't')")
        guard case .text(let job) = try #require(last.first?.first) else { return }
        try await bench.stop()
        try await bench.start()
        _ = try await bench.call(.action, ActionRequest(action: .cancel, target: job))
        _ = try await bench.call(.action, ActionRequest(action: .pause, target: "other"))
        try await bench.launch((1...20).map { "\($0)e-1" }, name: "third")
        let worker = try await HandWorker("w", bench)
        var rows: [JobID] = []
        while rows.count < 5399 + 20 {
            let grants = try await worker.exchange(free: 256, wait: 30).grants
            try #require(!grants.isEmpty, "after \(rows.count) jobs")
            rows += grants.map(\.token.job)
        }
        #expect(try await worker.exchange(free: 256).grants.isEmpty)
        #expect(Set(rows).count == 5419 && !rows.map(\.text).contains(job))
        let states = try await bench.query("SELECT state, count(*) FROM jobs GROUP BY 1 ORDER BY 1")
        #expect(
            states == [
                [.text("canceled"), .integer(1)], [.text("paused"), .integer(50)], [.text("running"), .integer(5419)],
            ])
        try await bench.end()
    }
}
