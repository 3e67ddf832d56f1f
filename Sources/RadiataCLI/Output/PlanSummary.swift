package import SweepModel
package import SweepWire

/// What `plan` and `launch` say of a sweep as a whole: what it is made of, and how long it may take.
package struct PlanSummary {
    private let plan: SweepPlan
    private let history: SweepHistory?
    private let budget: SweepBudget?
    private let trainer: TrainerSpec
    /// What was found in the data, a line each: stands first.
    package var data: [String] = []
    /// What its inputs are and what of them would be sent.
    package var inputs: [String] = []

    package init(
        _ plan: SweepPlan, history: SweepHistory?, budget: SweepBudget? = nil, trainer: TrainerSpec = .core
    ) {
        self.plan = plan
        self.trainer = trainer
        self.history = history
        self.budget = budget
    }

    /// The size comes last, where scripts look for it.
    package var lines: [String] { data + inputs + estimates + [size] }

    /// Hours, money and disk.
    package var estimates: [String] { [hours] + cost + disk }

    /// What the coordinator will keep of the checkpoints, by what it kept of earlier runs.
    private var disk: [String] {
        guard let bytes = history?.earlier?.bytesPerJob else { return [] }
        let total = ByteText.megabytes(Int64(bytes * Double(plan.jobs.count)))
        let one = ByteText.megabytes(Int64(bytes))
        return ["disk: about \(total) of checkpoints on the coordinator (\(one) a job, as earlier runs)"]
    }

    private var size: String {
        "\(plan.name): \(plan.configurations.count) configurations, \(plan.jobs.count) jobs, "
            + "\(plan.checkpointCount) checkpoints"
    }

    private var hours: String {
        guard let history else { return "hours: no estimate, no coordinator with earlier runs was reached" }
        guard let earlier = history.earlier else {
            return "hours: no estimate, there is no earlier run with this trainer and base"
        }
        let total = earlier.seconds(of: plan, by: trainer)
        let data = earlier.isSameData ? "trainer, base and data" : "trainer and base, other data"
        let basis: String
        if let epoch = earlier.secondsPerEpoch {
            basis = earlier.unit == .step ? "\(Self.short(epoch)) a step" : "\(Self.time(epoch)) an epoch"
        } else {
            basis = "\(Self.time(earlier.secondsPerJob)) a job"
        }
        let spread = earlier.spread(jobs: plan.jobs.count)
        var line = "hours: about \(Self.time(total))\(Self.range(total, spread)) on one slot"
        if history.slots > 1 {
            let parallel = min(history.slots, plan.jobs.count)
            line += ", \(Self.time(total / Double(parallel))) on the \(history.slots) connected now"
        }
        let runs = earlier.runs == 1 ? "1 earlier run" : "\(earlier.runs) earlier runs"
        return line + " (\(basis), median of \(runs) with the same \(data))"
    }

    /// What it costs where workers say a price, and whether its budget will do.
    private var cost: [String] {
        let total = history?.earlier.map { $0.seconds(of: plan, by: trainer) }
        let spread = history?.earlier?.spread(jobs: plan.jobs.count) ?? 0
        var lines: [String] = []
        let money = total.flatMap { seconds in history?.slotPrice.map { seconds / 3600 * $0 } }
        if let money, let price = history?.slotPrice {
            lines.append(
                "money: about \(SweepBudget.digits(money)), at \(SweepBudget.digits(price)) an hour of a slot on average"
            )
        }
        guard let budget else { return lines }
        var line = "budget: \(budget.text)"
        let shares = [
            budget.hours.flatMap { limit in total.map { $0 / 3600 / limit } },
            budget.money.flatMap { limit in money.map { $0 / limit } },
        ].compactMap { $0 }
        if let most = shares.max() {
            let much = most * (1 + spread)
            line +=
                much <= 1
                ? "; the estimate is within it"
                : most <= 1 ? "; the estimate is within it, but it may not do" : "; it will not do by the estimate"
        }
        return lines + [line]
    }

    /// ` (2.8 h to 4.1 h)`: nine cases of ten.
    private static func range(_ total: Double, _ spread: Double?) -> String {
        guard let spread, spread >= 0.005 else { return "" }
        return " (\(time(max(0, total * (1 - spread)))) to \(time(total * (1 + spread))))"
    }

    /// Of one step: `0.41 s`, `12 s`.
    private static func short(_ seconds: Double) -> String {
        seconds < 1 ? "\((seconds * 1000).rounded() / 1000) s" : time(seconds)
    }

    /// Two digits that matter: `45 s`, `12 min`, `3.4 h`, `120 h`.
    static func time(_ seconds: Double) -> String {
        func digits(_ value: Double) -> String {
            value < 9.95
                ? "\((value * 10).rounded() / 10)".replacing(".0", with: "") : "\(Int(min(value, 1e15).rounded()))"
        }
        if seconds < 99.5 { return digits(seconds) + " s" }
        if seconds < 5970 { return digits(seconds / 60) + " min" }
        return digits(seconds / 3600) + " h"
    }
}
