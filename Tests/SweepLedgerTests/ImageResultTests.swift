import RunSpec
import SweepLedger
import SweepModel
import Testing

@Suite("Values of single images")
struct ImageResultTests {
    private func row(_ value: Double?, _ values: [Double?]?, class name: String = "cat", step: Int = 3) -> EvaluationRow
    {
        EvaluationRow(
            checkpoint: "step-\(step)", epoch: 1, step: step, class: name, prompts: "train",
            metric: "paired_fidelity", value: value, n: values?.count ?? 2, values: values)
    }

    private static let columns = "checkpoint, epoch, step, class, prompts, metric, image, seed, value"

    @Test("each image has a row with its seed; what is no number is NULL; rows without values have none")
    func rows() async throws {
        let bench = try LedgerBench()
        let job = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", job).token
        let sent = [row(0.5, [0.25, nil, .infinity, 0.75]), row(0.5, nil, class: "")]
        #expect(try await bench.report("one", token, .evaluations(rows: sent, completed: [])) == .accepted)
        let head: [QueryValue] = [
            .text("step-3"), .integer(1), .integer(3), .text("cat"), .text("train"), .text("paired_fidelity"),
        ]
        let found = try bench.query("SELECT \(Self.columns) FROM image_results ORDER BY image")
        #expect(
            found == [
                head + [.integer(0), .integer(1000), .real(0.25)], head + [.integer(1), .integer(1001), .null],
                head + [.integer(2), .integer(1002), .null], head + [.integer(3), .integer(1003), .real(0.75)],
            ])
        #expect(
            try bench.query("SELECT DISTINCT i.sweep, i.job = j.id FROM image_results i JOIN jobs j ON j.id = i.job")
                == [[.text("bench"), .integer(1)]])
        // A repeat changes nothing; a newer value takes the images of the older one with it.
        #expect(try await bench.report("one", token, .evaluations(rows: sent, completed: [])) == .accepted)
        #expect(try bench.query("SELECT count(*) FROM image_results") == [[.integer(4)]])
        #expect(try await bench.report("one", token, .evaluations(rows: [row(1, [1])], completed: [])) == .accepted)
        #expect(try bench.query("SELECT image, value FROM image_results") == [[.integer(0), .real(1)]])
    }

    @Test("of two attempts the images of the one whose result counts are seen")
    func splice() async throws {
        let bench = try LedgerBench()
        let job = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        _ = try await bench.register("two")
        let first = try await bench.claim("one", job).token
        #expect(try await bench.report("one", first, .evaluations(rows: [row(2, [1, 3])], completed: [])) == .accepted)
        _ = try await bench.expire(first)
        let second = try await bench.claim("two", job).token
        // The second began anew, so the first one's checkpoint is no longer there.
        #expect(try bench.query("SELECT value FROM image_results") == [])
        #expect(
            try await bench.report("two", second, .evaluations(rows: [row(5, [4, 6])], completed: [])) == .accepted)
        #expect(try bench.query("SELECT value FROM image_results ORDER BY image") == [[.real(4)], [.real(6)]])
        #expect(
            try bench.query(
                "SELECT r.value = avg(i.value) FROM results r JOIN image_results i USING (job, checkpoint, metric)")
                == [[.integer(1)]])
        // Late words of the first change nothing, also where they hold what JSON cannot.
        let late = try await bench.report("one", first, .evaluations(rows: [row(.nan, [.nan])], completed: []))
        #expect(late == .superseded)
        #expect(try bench.query("SELECT count(*) FROM image_results") == [[.integer(2)]])
    }

    @Test("more values than an evaluation may have are refused")
    func limit() async throws {
        let bench = try LedgerBench()
        let job = try #require(try await bench.launch(["a"]).changes.first?.row)
        _ = try await bench.register("one")
        let token = try await bench.claim("one", job).token
        let most = [Double?](repeating: 0.5, count: MetricLimit.imageValues)
        #expect(try await bench.report("one", token, .evaluations(rows: [row(1, most)], completed: [])) == .accepted)
        let outcome = try await bench.report("one", token, .evaluations(rows: [row(1, most + [1])], completed: []))
        guard case .refused = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(try bench.query("SELECT count(*) FROM image_results") == [[.integer(Int64(MetricLimit.imageValues))]])
    }
}
