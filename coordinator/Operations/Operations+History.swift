import SweepLedger
import SweepModel
import SweepWire

extension Operations {
    /// Of one sweep: base, data, regularisation, encoders. Of more nothing is told.
    private static let mostInputs = 64

    func history(_ request: HistoryRequest) async throws -> SweepHistory {
        let row = try await ledger.history(
            sweep: request.sweep, base: request.base, data: request.data, trainer: request.trainer)
        let connected = try await workers().filter { $0.state == "connected" }
        // Each slot once, at what its worker says.
        let priced = connected.compactMap { worker in
            PriceLabel.ofSlot(worker.labels, slots: worker.slots).map { (price: $0, slots: Double(worker.slots)) }
        }
        let here = Set(connected.map(\.id))
        let users = try await ledger.users(of: Array(request.inputs.prefix(Self.mostInputs)))
        let slots = priced.reduce(0) { $0 + $1.slots }
        return SweepHistory(
            jobs: row.jobs, isRepeat: row.launches.contains(request.launch), earlier: EarlierRuns(row.runs),
            slots: connected.reduce(0) { $0 + $1.slots },
            slotPrice: slots > 0 ? priced.reduce(0) { $0 + $1.price * $1.slots } / slots : nil,
            workers: connected.count, holders: users.mapValues { here.intersection($0).count })
    }
}
