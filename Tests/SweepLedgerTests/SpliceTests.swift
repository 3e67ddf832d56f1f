import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Streams, checkpoints and the splice of attempts")
struct SpliceTests {
    @Test("a checkpoint is taken only when the stream has come as far, and when its blobs are there")
    func gapRule() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        let checkpoint = try await bench.checkpoint(step: 2, position: 2)
        #expect(try await bench.report("one", token, checkpoint) == .gap(expected: 1))
        #expect(try await bench.metrics(token, first: 1, [1], [0.5]) == .stored(next: 2))
        #expect(try await bench.report("one", token, checkpoint) == .gap(expected: 2))
        #expect(try await bench.metrics(token, first: 3, [3], [0.5]) == .gap(expected: 2))
        #expect(try await bench.metrics(token, first: 2, [2], [0.25]) == .stored(next: 3))
        #expect(try await bench.report("one", token, checkpoint) == .accepted)
        #expect(try await bench.report("one", token, checkpoint) == .accepted)
        let missing = ContentDigest.of("never uploaded").text
        let other = Report.Body.checkpoint(
            name: "step-00000003",
            manifest: CheckpointManifest(
                step: 3, epoch: 1, final: false, files: [.init(name: "s", kind: .state, bytes: 1, sha256: missing)]),
            position: 0)
        #expect(try await bench.report("one", token, other) == .missingBlobs([missing]))
        #expect(try bench.query("SELECT count(*) FROM checkpoints") == [[.integer(2)]])
    }

    @Test("a new attempt goes on from the newest state; views show no step twice and nothing that was done again")
    func resume() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        _ = try await bench.register("two")
        let first = try await bench.claim("one", row).token
        _ = try await bench.metrics(first, first: 1, [0, 1, 2, 3, 4, 5], [9, 8, 7, 6, 5, 4])
        #expect(try await bench.report("one", first, try await bench.checkpoint(step: 3, position: 4)) == .accepted)
        #expect(
            try await bench.report(
                "one", first,
                .evaluations(rows: [evaluation("base", 0, 1), evaluation("step-00000003", 3, 2)], completed: ["base"]))
                == .accepted)
        _ = try await bench.expire(first)
        let second = try await bench.claim("two", row)
        #expect(second.resume?.name == "step-00000003" && second.resume?.files.map(\.name) == ["state.json"])
        #expect(second.trained.map(\.name) == ["step-00000003"] && second.evaluated == ["base"])
        _ = try await bench.metrics(second.token, first: 1, [4, 5, 6], [50, 40, 30])
        #expect(
            try await bench.report(
                "two", second.token,
                .evaluations(rows: [evaluation("step-00000003", 3, 2.5)], completed: ["step-00000003"]))
                == .accepted)
        #expect(
            try await bench.report("two", second.token, try await bench.checkpoint(step: 6, position: 3, final: true))
                == .accepted)
        #expect(try await bench.report("two", second.token, .finished(position: 3)) == .accepted)

        let curve = try bench.query("SELECT attempt, step, value FROM metrics ORDER BY step")
        #expect(
            curve == [
                [.integer(1), .integer(0), .real(9)], [.integer(1), .integer(1), .real(8)],
                [.integer(1), .integer(2), .real(7)],
                [.integer(1), .integer(3), .real(6)], [.integer(2), .integer(4), .real(50)],
                [.integer(2), .integer(5), .real(40)],
                [.integer(2), .integer(6), .real(30)],
            ])
        #expect(
            try bench.query("SELECT key, step, value FROM latest_metrics") == [[.text("loss"), .integer(6), .real(30)]])
        #expect(
            try bench.query("SELECT checkpoint, value FROM results ORDER BY step")
                == [[.text("base"), .real(1)], [.text("step-00000003"), .real(2.5)]])
        #expect(
            try bench.query("SELECT DISTINCT attempt, step FROM checkpoints ORDER BY step")
                == [[.integer(1), .integer(3)], [.integer(2), .integer(6)]])
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("an attempt lost between the last state and its adapter: the adapter of the next counts, once, and stays")
    func adapterAfterState() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        for worker in ["one", "two", "three"] { _ = try await bench.register(worker) }
        let adapters = "SELECT attempt, step FROM checkpoints WHERE kind = 'adapter'"
        let first = try await bench.claim("one", row).token
        #expect(
            try await bench.report("one", first, try await bench.checkpoint(.state, step: 3, content: "state"))
                == .accepted)
        _ = try await bench.expire(first)
        let second = try await bench.claim("two", row)
        #expect(second.resume?.step == 3 && second.trained.isEmpty)
        for (kind, content) in [(CheckpointManifest.Kind.state, "again"), (.adapter, "adapter")] {
            #expect(
                try await bench.report(
                    "two", second.token, try await bench.checkpoint(kind, step: 3, content: content)) == .accepted)
        }
        #expect(try bench.query(adapters) == [[.integer(2), .integer(3)]])
        // That one is lost too, before its end: what it delivered is not delivered twice.
        _ = try await bench.expire(second.token)
        let third = try await bench.claim("three", row)
        #expect(third.resume?.files.count == 1 && third.trained.map(\.step) == [3])
        #expect(
            try await bench.report(
                "three", third.token, try await bench.checkpoint(.adapter, step: 3, content: "other")) == .accepted)
        #expect(try await bench.report("three", third.token, .finished(position: 0)) == .accepted)
        #expect(try bench.query(adapters) == [[.integer(2), .integer(3)]])
        #expect(try bench.query("SELECT count(*) FROM checkpoints WHERE kind = 'state'") == [[.integer(1)]])
        let thinned = try await bench.ledger.writer.perform(ThinCheckpoints(now: bench.now))
        #expect(thinned.files == 2, "the state and the adapter that nobody sees")
        #expect(try bench.query(adapters) == [[.integer(2), .integer(3)]])
        #expect(try bench.query("SELECT count(*) FROM checkpoints WHERE kind = 'state'") == [[.integer(1)]])
        #expect(try await bench.ledger.check().findings == [])
    }

    @Test("points at the very step that an attempt went on from: the first of each key counts, once")
    func pointsAtTheResumedStep() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        for worker in ["one", "two", "three"] { _ = try await bench.register(worker) }
        let first = try await bench.claim("one", row).token
        _ = try await bench.metrics(first, first: 1, [1, 2, 3], [9, 8, 7])
        #expect(try await bench.report("one", first, try await bench.checkpoint(step: 3, position: 3)) == .accepted)
        var newest = first
        // Lost before it validated what it had saved; the next one validates when it begins, and the third
        // again.
        for (worker, loss, score) in [("two", 70.0, 0.5), ("three", 71.0, 0.6)] {
            _ = try await bench.expire(newest)
            let claim = try await bench.claim(worker, row)
            newest = claim.token
            #expect(claim.resume?.step == 3)
            #expect(try await bench.metrics(claim.token, first: 1, [3], [score], key: "score") == .stored(next: 2))
            #expect(try await bench.metrics(claim.token, first: 2, [3], [loss]) == .stored(next: 3))
        }
        #expect(
            try bench.query("SELECT attempt, key, step, value FROM metrics ORDER BY step, key") == [
                [.integer(1), .text("loss"), .integer(1), .real(9)],
                [.integer(1), .text("loss"), .integer(2), .real(8)],
                [.integer(1), .text("loss"), .integer(3), .real(7)],
                [.integer(2), .text("score"), .integer(3), .real(0.5)],
            ])
        #expect(
            try bench.query("SELECT key, step, value FROM latest_metrics ORDER BY key")
                == [[.text("loss"), .integer(3), .real(7)], [.text("score"), .integer(3), .real(0.5)]])
    }

    @Test("a start from the beginning hides all of the earlier attempt")
    func restartFromNothing() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let first = try await bench.claim("one", row).token
        _ = try await bench.metrics(first, first: 1, [0, 1], [1, 2])
        _ = try await bench.report("one", first, .evaluations(rows: [evaluation("base", 0, 1)], completed: ["base"]))
        _ = try await bench.expire(first)
        let second = try await bench.claim("one", row)
        #expect(second.resume == nil && second.evaluated == [])
        #expect(try bench.query("SELECT count(*) FROM metrics") == [[.integer(0)]])
        #expect(try bench.query("SELECT count(*) FROM results") == [[.integer(0)]])
    }

    @Test("NaN is NULL in views and −0 is 0, their bits are kept; batches sent again change nothing")
    func oddNumbers() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        let nan = Double(bitPattern: 0x7ff8_0000_0000_1234)
        for _ in 0..<2 {
            #expect(try await bench.metrics(token, first: 1, [1, 2, 3], [nan, -0.0, .infinity]) == .stored(next: 4))
        }
        #expect(
            try bench.query("SELECT step, value FROM metrics ORDER BY step")
                == [[.integer(1), .null], [.integer(2), .real(0)], [.integer(3), .real(.infinity)]])
        #expect(
            try bench.query("SELECT step, bits FROM metric_bits ORDER BY step") == [
                [.integer(1), .integer(Int64(bitPattern: nan.bitPattern))],
                [.integer(2), .integer(Int64(bitPattern: (-0.0).bitPattern))],
            ])
        // Overlapping batch: what is known is sent again together with more.
        #expect(try await bench.metrics(token, first: 3, [3, 3], [1, 2]) == .stored(next: 5))
        #expect(try bench.query("SELECT value FROM metrics WHERE step = 3") == [[.real(2)]])
    }

    @Test("old training states are dropped behind the newest two, adapters stay")
    func retention() async throws {
        let bench = try LedgerBench()
        let row = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", row).token
        for step in [1, 2, 3, 4] {
            #expect(try await bench.report("one", token, try await bench.checkpoint(step: step)) == .accepted)
        }
        #expect(
            try bench.query("SELECT step FROM checkpoints WHERE kind = 'state' ORDER BY step") == [
                [.integer(3)], [.integer(4)],
            ])
        #expect(try bench.query("SELECT count(*) FROM checkpoints WHERE kind = 'adapter'") == [[.integer(4)]])
    }

    private func evaluation(_ checkpoint: String, _ step: Int, _ value: Double) -> EvaluationRow {
        EvaluationRow(
            checkpoint: checkpoint, epoch: 0, step: step, class: "cat", prompts: "train", metric: "image_similarity",
            value: value,
            n: 4)
    }
}
