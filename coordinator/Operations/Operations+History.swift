import SweepLedger
import SweepModel
import SweepWire

extension Operations {
    func history(_ request: HistoryRequest) async throws -> SweepHistory {
        let row = try await ledger.history(
            sweep: request.sweep, base: request.base, data: request.data, trainer: request.trainer)
        let slots = try await workers().filter { $0.state == "connected" }.reduce(0) { $0 + $1.slots }
        return SweepHistory(
            jobs: row.jobs, isRepeat: row.launches.contains(request.launch), earlier: EarlierRuns(row.runs),
            slots: slots)
    }
}
