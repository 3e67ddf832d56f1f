import CoordinatorCore
import CoordinatorOperations
import Logging
import Ports
import SweepAnalysis
import SweepLedger
import SweepModel

/// Judges the best configuration of a sweep once more when the sweep has come to its end: on prompts and
/// noise that it was not chosen by. The best of many looks better than it is, by as much as chance helped
/// it.
struct ChoiceConfirmation {
    let engine: CoordinatorEngine

    /// - Throws: `LedgerError`, `DatabaseError`.
    func confirm() async throws {
        for sweep in try await engine.ledger.unconfirmedSweeps() {
            let best = sweep.isEvaluated ? try await self.best(of: sweep.name) : nil
            let winners = best.flatMap { best in
                best.checkpoint.map { checkpoint in
                    best.jobs.compactMap { job in JobID(job).map { (job: $0, checkpoint: checkpoint) } }
                }
            }
            let changes = try await engine.ledger.writer.perform(
                ConfirmChoice(
                    sweep: sweep.name, trained: sweep.trained, configuration: best?.configuration,
                    winners: winners ?? [], now: engine.time.wall()))
            guard !changes.isEmpty else { continue }
            engine.tell(.changed(changes, stopping: [], continuing: []))
            engine.logger.info(
                "sweep \(sweep.name): its best is judged once more", metadata: ["jobs": "\(changes.count)"])
        }
    }

    /// nil where none can be named.
    private func best(of sweep: String) async throws -> SweepAnswer.Row? {
        let source = LedgerSource(ledger: engine.ledger)
        let (set, rule) = try await SweepResults(source: source, sweep: sweep)
            .fetchForAnswer(rows: 1)
        let answer = set.answer(rule: rule)
        return answer.isEstablished && answer.rows.count > 1 ? answer.best : nil
    }
}
