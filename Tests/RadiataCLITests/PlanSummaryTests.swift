import RadiataCLI
import RunSpec
import SweepModel
import SweepWire
import Testing

@Suite("A sweep as a whole")
struct PlanSummaryTests {
    private func lines(_ earlier: EarlierRuns?, slots: Int, epochs: [Double?] = [nil, nil]) -> [String] {
        var plan = PlanPrinterTests.plan(configurations: epochs.count, seeds: [1, 2])
        for (index, count) in epochs.enumerated() {
            if let count { plan.configurations[index].parameters["epochs"] = .number(count) }
        }
        let history = SweepHistory(jobs: nil, isRepeat: false, earlier: earlier, slots: slots)
        return PlanSummary(plan, history: history).lines
    }

    @Test("hours come from earlier runs, by epochs where both sides have them, and say what they rest on")
    func hours() {
        let runs: [EarlierRuns.Run] = [(100, 10), (300, 10), (200, 10)].map {
            EarlierRuns.Run(seconds: $0.0, epochs: $0.1, isSameData: false)
        }
        let estimate = EarlierRuns(runs)
        #expect(estimate == EarlierRuns(runs: 3, secondsPerJob: 200, secondsPerEpoch: 20, isSameData: false))
        // 2 seeds × (50 + 100 epochs) × 20 s.
        #expect(
            lines(estimate, slots: 2, epochs: [50, 100]) == [
                "hours: about 1.7 h on one slot, 50 min on the 2 connected now (20 s an epoch, median of 3 earlier runs with the "
                    + "same trainer and base, other data)",
                "t: 2 configurations, 4 jobs, 4 checkpoints",
            ])
        // Without epochs in the sweep it is the whole job: 4 × 200 s.
        #expect(lines(estimate, slots: 0)[0].hasPrefix("hours: about 13 min on one slot ("))
    }

    @Test("runs on the same data count before others; without any there is no estimate, and that is said")
    func basis() {
        let runs = [(10.0, true), (1000.0, false), (30.0, true)].map {
            EarlierRuns.Run(seconds: $0.0, epochs: nil, isSameData: $0.1)
        }
        #expect(EarlierRuns(runs) == EarlierRuns(runs: 2, secondsPerJob: 20, secondsPerEpoch: nil, isSameData: true))
        #expect(EarlierRuns([]) == nil)
        #expect(lines(nil, slots: 1)[0] == "hours: no estimate, there is no earlier run with this trainer and base")
        let plan = PlanPrinterTests.plan(configurations: 1, seeds: [0])
        #expect(PlanSummary(plan, history: nil).lines[0].contains("no coordinator with earlier runs was reached"))
    }

    @Test("what another file under a known name adds, shares and leaves")
    func addition() {
        let plan = PlanPrinterTests.plan(configurations: 3, seeds: [0, 1])
        let known = Set(plan.jobs.prefix(2).map(\.id.text) + ["another", "and another", "and one more"])
        let addition = SweepAddition(plan: plan, known: known)
        #expect(addition.added == 4 && addition.configurations == 2 && addition.shared == 2 && addition.others == 3)
        #expect(addition.text.contains("with 5 jobs") && addition.text.contains("It adds 4 jobs (2 configurations)"))
    }
}
