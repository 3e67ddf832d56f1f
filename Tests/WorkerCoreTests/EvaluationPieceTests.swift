import Foundation
import RunSpec
import SweepModel
import SweepWire
import Testing
import WorkerCore

@Suite("Evaluations in pieces")
struct EvaluationPieceTests {
    /// What the paper draws of one checkpoint: 39 classes, 14,900 images; here with six metrics of each.
    private static let paper: [EvaluationRow] = {
        var rows: [EvaluationRow] = []
        for place in 0..<39 {
            let types = ["train", "trigger", "alter"] + (place < 32 ? ["style"] : [])
            for (prompts, metric) in types.flatMap({ type in (0..<6).map { (type, $0) } }) {
                let values: [Double?] = (0..<100).map { -1 / Double(3 + $0 + place) }
                rows.append(
                    EvaluationRow(
                        checkpoint: "step-00034750", epoch: 50, step: 34_750, class: "class \(place)", prompts: prompts,
                        metric: "nearest_training_similarity_\(metric)", value: values[0], n: 100, values: values))
            }
        }
        return rows
    }()

    @Test("all rows come in their order, and several reports fit into one body")
    func sizes() throws {
        #expect(Self.paper.reduce(0) { $0 + ($1.values?.count ?? 0) } == 6 * 14_900)
        let widest = EvaluationRow(
            checkpoint: "c", epoch: 0, step: 0, class: "", prompts: "", metric: "m", value: nil, n: 1,
            values: .init(repeating: -1.234_567_890_123_456_7e-300, count: MetricLimit.imageValues))
        for rows in [Self.paper, [], [widest, widest, Self.paper[0]]] {
            let pieces = EvaluationReport.pieces(of: rows)
            #expect(pieces.flatMap { $0 } == rows)
            for piece in pieces {
                let report = Report(
                    token: Bench.token(1), .evaluations(EvaluationReport(rows: piece, completed: ["step-00034750"])))
                #expect(try WireJSON.encode(report).count < WireLimit.control / 2)
            }
        }
    }

    @Test("a checkpoint of the paper goes through exchange by exchange, below the limit of a body")
    func exchanges() throws {
        var (bench, _) = Bench.registered()
        let token = Bench.token(1)
        _ = bench.answer(1, grants: [Bench.grant(1)])
        var sent: [EvaluationRow] = []
        var exchanges: [ExchangeRequest] = []
        func collect(_ effects: [WorkerEffect]) {
            for case .exchange(let request) in effects where !request.reports.isEmpty { exchanges.append(request) }
        }
        for (place, piece) in EvaluationReport.pieces(of: Self.paper).enumerated() {
            let body = Report.Body.evaluations(EvaluationReport(rows: piece, completed: []))
            collect(bench.send(.reportSpooled(token, SpooledReport(number: UInt64(place + 1), body: body))))
        }
        var next = 0
        while next < exchanges.count {
            let request = exchanges[next]
            next += 1
            #expect(try WireJSON.encode(request).count < WireLimit.control)
            for case .evaluations(let report) in request.reports.map(\.body) { sent += report.rows }
            collect(bench.answer(request.number, outcomes: request.reports.map { _ in .accepted }))
        }
        #expect(sent == Self.paper)
        #expect(exchanges.count > 1)
    }
}
