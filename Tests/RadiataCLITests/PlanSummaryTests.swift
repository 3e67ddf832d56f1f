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
            EarlierRuns.Run(seconds: $0.0, length: TrainingLength(Double($0.1), .epoch), isSameData: false)
        }
        let estimate = EarlierRuns(runs)
        // Of 10, 30 and 20 s an epoch: mean 20, standard deviation 10.
        #expect(
            estimate
                == EarlierRuns(runs: 3, secondsPerJob: 200, secondsPerEpoch: 20, isSameData: false, deviation: 0.5))
        // 2 seeds × (50 + 100 epochs) × 20 s = 6000 s; 2.92 × 0.5 × √(1/4 + 1/3) = 1.115 of that either way.
        #expect(
            lines(estimate, slots: 2, epochs: [50, 100]) == [
                "hours: about 1.7 h (0 s to 3.5 h) on one slot, 50 min on the 2 connected now (20 s an epoch, median of 3 "
                    + "earlier runs with the same trainer and base, other data)",
                "t: 2 configurations, 4 jobs, 4 checkpoints",
            ])
        // Without epochs in the sweep it is the whole job: 4 × 200 s.
        #expect(lines(estimate, slots: 0)[0].hasPrefix("hours: about 13 min (0 s to 28 min) on one slot ("))
    }

    @Test("runs on the same data count before others; without any there is no estimate, and that is said")
    func basis() throws {
        let runs = [(10.0, true), (1000.0, false), (30.0, true)].map {
            EarlierRuns.Run(seconds: $0.0, length: nil, isSameData: $0.1)
        }
        let estimate = try #require(EarlierRuns(runs))
        #expect(estimate.runs == 2 && estimate.secondsPerJob == 20 && estimate.isSameData)
        #expect(abs((estimate.deviation ?? 0) - 200.0.squareRoot() / 20) < 1e-12)
        #expect(EarlierRuns([runs[0]])?.deviation == nil && EarlierRuns([runs[0]])?.spread(jobs: 3) == nil)
        #expect(EarlierRuns([]) == nil)
        #expect(lines(nil, slots: 1)[0] == "hours: no estimate, there is no earlier run with this trainer and base")
        let plan = PlanPrinterTests.plan(configurations: 1, seeds: [0])
        #expect(PlanSummary(plan, history: nil).lines[0].contains("no coordinator with earlier runs was reached"))
    }

    @Test("money by what the workers say they cost, and whether a budget will do")
    func budget() {
        let plan = PlanPrinterTests.plan(configurations: 2, seeds: [1, 2])
        // Four jobs of an hour.
        let runs = (0..<20).map { _ in EarlierRuns.Run(seconds: 3600, length: nil, isSameData: true) }
        func lines(_ budget: SweepBudget?, price: Double?) -> [String] {
            let history = SweepHistory(
                jobs: nil, isRepeat: false, earlier: EarlierRuns(runs), slots: 1, slotPrice: price)
            return Array(PlanSummary(plan, history: history, budget: budget).lines.dropFirst().dropLast())
        }
        #expect(lines(nil, price: nil) == [])
        #expect(lines(nil, price: 0.5) == ["money: about 2, at 0.5 an hour of a slot on average"])
        #expect(lines(SweepBudget(hours: 4.1), price: nil) == ["budget: 4.1 h; the estimate is within it"])
        #expect(
            lines(SweepBudget(hours: 40, money: 1.5), price: 0.5).last
                == "budget: 40 h and 1.5 of money; it will not do by the estimate")
        #expect(PlanSummary(plan, history: nil, budget: SweepBudget(hours: 1)).lines.contains("budget: 1 h"))
        let spread = [3000.0, 4200, 3600, 3600].map { EarlierRuns.Run(seconds: $0, length: nil, isSameData: true) }
        let history = SweepHistory(jobs: nil, isRepeat: false, earlier: EarlierRuns(spread), slots: 1)
        #expect(
            PlanSummary(plan, history: history, budget: SweepBudget(hours: 4.1)).lines[1]
                == "budget: 4.1 h; the estimate is within it, but it may not do")
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
