import Coordinator
import Foundation
import SweepModel
import SweepWire
import Testing

/// A sweep of more jobs than the page waits for, against the same things done plainly.
@Suite("Large sweeps on the page")
struct LargeSweepTests {
    private struct Jobs: Decodable {
        struct Row: Decodable {
            let id: String
            let cells: [Double?]
        }

        let jobs: Int
        let total: Int
        let rows: [Row]
    }

    private struct Shape: Decodable {
        let isWhole: Bool
        let parameters: [String]
        let constants: [String]
    }

    private struct Points: Decodable {
        let total: Int
        let ids: [String]
        let columns: [[Double?]]
    }

    private static func get<Answer: Decodable>(_ bench: DaemonBench, _ path: String) async throws -> Answer {
        let answer = try await bench.raw.request("GET", path)
        try #require(answer.status == 200, "\(path): \(answer.text)")
        return try JSONDecoder().decode(Answer.self, from: Data(answer.body.utf8))
    }

    /// Numbers in no order.
    private static let rates: [Double] = (0..<2100).map { (index: Int) -> Double in
        let number = (index * 1_664_525 + 1_013_904_223) % 99_991
        return Double(number) / 1000 + 1
    }

    @Test("the first page is there before all jobs were read, and is the same afterwards; so are the settings' names")
    func glance() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(Self.rates.map { "\($0)" })
            let path = "/page/jobs?sweep=t&columns=lr,seed&limit=50&offset=2060"
            let first: Jobs = try await Self.get(bench, path)
            #expect(first.total == 2100 && first.jobs == 2100 && first.rows.count == 40)
            let end = ContinuousClock.now + .seconds(60)
            var shape: Shape = try await Self.get(bench, "/page/shape?sweep=t")
            #expect(shape.parameters == ["lr"])
            while !shape.isWhole, ContinuousClock.now < end {
                shape = try await Self.get(bench, "/page/shape?sweep=t")
                #expect(shape.parameters == ["lr"])
            }
            #expect(shape.isWhole)
            let second: Jobs = try await Self.get(bench, path)
            #expect(second.rows.map(\.id) == first.rows.map(\.id) && second.total == first.total)
            #expect(second.rows.map(\.cells) == first.rows.map(\.cells))
            #expect(try await bench.raw.request("GET", "/page/jobs?sweep=t&columns=nothing").status == 400)
        }
    }

    @Test("sorts both ways, words, and a choice of few points of many")
    func tables() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(Self.rates.map { "\($0)" })
            let sorted = Self.rates.sorted()
            func shown(_ query: String) async throws -> (total: Int, rates: [Double]) {
                let answer: Jobs = try await Self.get(bench, "/page/jobs?sweep=t&columns=lr&limit=500&\(query)")
                return (answer.total, answer.rows.compactMap { $0.cells[0] })
            }
            #expect(try await shown("sort=lr").rates == Array(sorted.prefix(500)))
            let falling = Array(sorted.reversed())
            #expect(try await shown("sort=-lr&offset=1000").rates == Array(falling[1000..<1500]))
            #expect(
                try await shown("sort=-lr&filter=lr%3A10..12").rates == falling.filter { (10...12).contains($0) })
            // A word: as a whole among the settings, anywhere within a group, at the beginning of an id.
            let value = Self.rates[700]
            #expect(try await shown("filter=\(value)").rates == Self.rates.filter { $0 == value })
            #expect(try await shown("filter=\("\(value)".dropLast())").total == 0)
            #expect(try await shown("filter=waiting").total == 2100)
            #expect(try await shown("filter=waitin").total == 0)
            let all: Jobs = try await Self.get(bench, "/page/jobs?sweep=t&columns=lr&limit=1&offset=1234")
            let id = try #require(all.rows.first?.id)
            let found: Jobs = try await Self.get(bench, "/page/jobs?sweep=t&columns=lr&filter=\(id.prefix(12))")
            #expect(found.rows.map(\.id) == [id])
            let points: Points = try await Self.get(bench, "/page/points?sweep=t&columns=lr,seed&most=100")
            #expect(points.total == 2100 && (100...104).contains(points.ids.count))
            #expect(points.columns[0].count == points.ids.count)
            let values = points.columns[0].compactMap { $0 }
            #expect(values.min() == sorted.first && values.max() == sorted.last)
        }
    }

    @Test("ids in their order; what a running job logs and how it ends moves it in the table within a second")
    func changes() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(Self.rates.map { "\($0)" })
            func shown(_ query: String) async throws -> Jobs {
                try await Self.get(bench, "/page/jobs?sweep=t&limit=500&\(query)")
            }
            /// Whether an answer comes that is as it should be.
            func comes(_ query: String, _ isRight: (Jobs) -> Bool) async throws -> Bool {
                let end = ContinuousClock.now + .seconds(60)
                while ContinuousClock.now < end {
                    if isRight(try await shown(query)) { return true }
                }
                return false
            }
            let first = try await shown("columns=lr&sort=id").rows.map(\.id)
            let rest = try await shown("columns=lr&sort=id&offset=1700").rows.map(\.id)
            #expect(first.count == 500 && rest.count == 400)
            #expect(first + rest == (first + rest).sorted() && Set(first + rest).count == 900)
            let last = try await shown("columns=lr&sort=-id&offset=1000").rows.map(\.id)
            #expect(last == last.sorted(by: >))
            let worker = try await HandWorker("w", bench)
            let token = try await worker.claim().token
            func log(_ step: Int64, _ value: Double) async throws {
                let batch = MetricBatch(
                    token: token, session: await worker.session, first: UInt64(step),
                    series: [MetricSeries(key: "loss", steps: [step], values: [value])])
                _ = try await bench.call(.metrics, batch)
            }
            try await log(1, 0.5)
            #expect(try await comes("columns=loss&filter=state:running") { $0.rows.first?.cells == [0.5] })
            try await log(2, 0.25)
            #expect(try await comes("columns=loss&sort=loss") { $0.rows.first?.cells == [0.25] })
            #expect(try await shown("columns=loss&sort=-loss").rows.first?.id == token.job.text)
            _ = try await worker.report(token, .finished(FinishReport(streamPosition: 2)))
            #expect(try await comes("columns=loss&filter=state:done") { $0.rows.map(\.id) == [token.job.text] })
        }
    }

    @Test("a curve of an attempt that goes on is never an old one")
    func curves() async throws {
        try await DaemonBench.with { bench async throws in
            try await bench.launch(["1e-4"])
            let worker = try await HandWorker("w", bench)
            let token = try await worker.claim().token
            for (first, count) in [(1, 3), (4, 5)] {
                let steps = (first..<(first + count)).map { Int64($0) }
                let batch = MetricBatch(
                    token: token, session: await worker.session, first: UInt64(first),
                    series: [MetricSeries(key: "loss", steps: steps, values: steps.map { Double($0) })])
                _ = try await bench.call(.metrics, batch)
                for _ in 0..<2 {
                    let answer = try await bench.raw.request("GET", "/page/curves?jobs=\(token.job.text)&key=loss")
                    #expect(answer.body.contains("\"total\":\(first + count - 1),"), "\(answer.body)")
                }
            }
        }
    }
}
