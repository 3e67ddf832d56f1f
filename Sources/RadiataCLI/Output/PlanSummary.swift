package import SweepModel
package import SweepWire

/// What `plan` and `launch` say of a sweep as a whole: what it is made of, and how long it may take.
package struct PlanSummary {
    private let plan: SweepPlan
    private let history: SweepHistory?
    /// What was found in the data, a line each: stands first.
    package var data: [String] = []

    package init(_ plan: SweepPlan, history: SweepHistory?) {
        self.plan = plan
        self.history = history
    }

    /// The size comes last, where scripts look for it.
    package var lines: [String] { data + [hours] + disk + [size] }

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
        let total = earlier.seconds(of: plan)
        let data = earlier.isSameData ? "trainer, base and data" : "trainer and base, other data"
        let basis: String
        if let epoch = earlier.secondsPerEpoch {
            basis = "\(Self.time(epoch)) an epoch"
        } else {
            basis = "\(Self.time(earlier.secondsPerJob)) a job"
        }
        var line = "hours: about \(Self.time(total)) on one slot"
        if history.slots > 1 {
            let parallel = min(history.slots, plan.jobs.count)
            line += ", \(Self.time(total / Double(parallel))) on the \(history.slots) connected now"
        }
        let runs = earlier.runs == 1 ? "1 earlier run" : "\(earlier.runs) earlier runs"
        return line + " (\(basis), median of \(runs) with the same \(data))"
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
